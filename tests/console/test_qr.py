"""QR codes, against what another maker (segno 1.6) makes of the same text."""

from hashlib import sha256

import pytest

from kairan.console.qr import QrError, qr_modules, qr_svg

TEXT = "https://mail.example.com:8025/console/devices/one?name=" + "x" * 300
# By octets, as many as a version holds: modules a side, and the digest of its rows.
MADE = {
    14: (21, "7cc7d031472c7143"),
    26: (25, "14f3d38f6c6c7722"),
    42: (29, "27d864d4cd60bae7"),
    62: (33, "a9160ff5d342afe5"),
    84: (37, "f920e7fd0eae6ee7"),
    106: (41, "bf708cb65c28311a"),
    122: (45, "e96db646643a0f34"),
    152: (49, "fe8f3c1f451a65ea"),
    180: (53, "3af125a6c52ab4f5"),
    213: (57, "a182a371fbd50e26"),
}


@pytest.mark.parametrize("octets", MADE)
def test_a_code_is_what_another_maker_makes(octets):
    rows = ["".join(map(str, row)) for row in qr_modules(TEXT[:octets])]
    digest = sha256("\n".join(rows).encode()).hexdigest()[:16]
    assert (len(rows), digest) == MADE[octets]


def test_what_is_too_long_is_refused_and_what_is_short_is_padded():
    with pytest.raises(QrError):
        qr_modules(TEXT[:214])
    assert len(qr_modules("")) == 21
    assert str(qr_svg("x")).startswith('<svg class="qr" role="img"')
