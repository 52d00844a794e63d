"""Keeps pytest from importing the example programs, which start when they are imported."""

collect_ignore_glob = ["guides/consumers/*"]
