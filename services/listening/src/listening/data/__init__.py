"""Word lists written for Sixfold, carried inside the package."""
