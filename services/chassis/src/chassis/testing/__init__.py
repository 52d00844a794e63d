"""The test kit: scenarios, the log's contract, crash points, private servers."""
