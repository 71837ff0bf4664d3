"""A store in a folder of the test's own."""

import pytest

from kairan.capture.settings import CapturePlace, CaptureSettings
from kairan.capture.store import CaptureStore


@pytest.fixture
def opened(tmp_path):
    """A store; given settings, another in the same folder."""
    stores = []

    def open_one(**settings):
        place = CapturePlace(tmp_path / "capture", CaptureSettings(enabled=True, **settings))
        stores.append(CaptureStore(place))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()
