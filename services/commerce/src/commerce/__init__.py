"""Commerce: what is on sale, who ordered it, who paid, and where the goods are."""
