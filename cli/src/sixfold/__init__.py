"""The `sixfold` command: demo, console, lab and log tools for a whole installation."""
