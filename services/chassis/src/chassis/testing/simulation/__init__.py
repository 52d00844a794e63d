"""Services under a seed: the production code on simulated time, bus and databases, with faults."""
