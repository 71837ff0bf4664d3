"""Many rows at a time, from files."""
