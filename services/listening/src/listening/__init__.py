"""Listening: mentions of the brand, and the one reply each conversation is owed."""
