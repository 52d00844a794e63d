"""Registers the test kit, and names the modules that must not be imported to look for doctests."""

pytest_plugins = ["chassis.testing.fixtures", "chassis.testing.requirements", "pytester"]
collect_ignore_glob = [
    "*/migrations/*",  # only Alembic can run these
    "*/chassis/worker.py",  # makes every thread of the process green, so threaded tests would hang
]
