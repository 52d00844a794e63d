"""A service whose only work is to keep a row of each event, for ``bench.consuming``."""
