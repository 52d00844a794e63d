"""Closed ranges of a log as immutable Parquet files, and a log's past read from them."""
