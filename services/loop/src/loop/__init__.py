"""Loop: the six stages counted, replayed and reported from every service's events."""
