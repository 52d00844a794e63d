"""The mechanism every service shares: log, bus, subscriptions, processes, HTTP, telemetry."""
