"""How much a tenant may do: limits, what counts against them, what is told, what is metered."""
