"""Two small services that play with each other, so that the mechanism has something to carry."""
