"""A clock of a known moment that goes on by a millisecond each time it is asked."""

START = 1_767_603_600.0


class TickingClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        self.now += 0.001
        return self.now
