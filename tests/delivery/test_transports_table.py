"""One row per scheme says everything about a transport but its code."""

import subprocess
import sys

import pytest

from kairan.capture.settings import CapturePlace, CaptureSettings
from kairan.delivery.transports.settings import TransportSettings
from kairan.delivery.transports.table import TRANSPORTS, DestinationError, kind_of, transport_for
from kit.plain_identity import PlainIdentity


@pytest.mark.parametrize("scheme", TRANSPORTS)
async def test_each_row_makes_a_transport_from_the_first_of_its_forms(scheme, tmp_path):
    form = TRANSPORTS[scheme].forms[0]
    text = form.replace("DIR", str(tmp_path)).replace("HOST:PORT", "192.0.2.1:2525")
    capture = CapturePlace(tmp_path, CaptureSettings(enabled=True))
    identities = {"NAME": PlainIdentity()}
    transport = transport_for(text, TransportSettings(), identities, capture=capture)
    assert transport.recipients_max > 0
    await transport.close()


def test_a_scheme_counts_in_capitals_too():
    assert kind_of("MX:") is TRANSPORTS["mx"]
    assert kind_of("Maildir:/mail").is_final


def test_an_unknown_scheme_is_told_every_form_of_the_table():
    with pytest.raises(DestinationError) as error:
        kind_of("uucp:host")
    for kind in TRANSPORTS.values():
        for form in kind.forms:
            assert form in str(error.value)


def test_reading_the_table_imports_no_transport():
    """Every command that reads the configuration reads the table; DNS takes a tenth of a second."""
    script = (
        "import sys, kairan.delivery.routes\n"
        "assert 'dns' not in sys.modules and 'kairan.relay.pool' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
