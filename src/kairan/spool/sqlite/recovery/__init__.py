"""What a start does before the shard is used: look at the WAL, salvage, make whole."""
