"""A consumer of a few lines, whole enough to be started as processes."""
