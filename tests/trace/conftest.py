import pytest

from kit.ticking import TickingClock


@pytest.fixture
def clock():
    return TickingClock()
