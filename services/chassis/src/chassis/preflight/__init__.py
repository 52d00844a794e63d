"""Looks at everything that a service needs before it is installed, and changes nothing."""
