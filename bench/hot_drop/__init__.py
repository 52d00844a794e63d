"""A drop of 100 units with 10,000 buyers over HTTP, against real processes on real servers."""
