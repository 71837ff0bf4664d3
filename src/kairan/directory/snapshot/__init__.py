"""The directory in memory, and how it is kept fresh."""
