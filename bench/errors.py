"""What stops a benchmark before it starts."""


class BenchError(Exception):
    """One sentence: what is missing here and what to do about it."""
