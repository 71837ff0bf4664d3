import tracemalloc

import pytest

from kairan.directory.snapshot.addresses import KnownAddresses


def pairs(count: int) -> list[tuple[str, str]]:
    """Half of them aliases, in the order of their octets."""
    primaries = [f"given.family{n:06}@example.com" for n in range(count // 2)]
    aliases = [(f"alias{n:06}@example.com", address) for n, address in enumerate(primaries)]
    return sorted(aliases + [(address, address) for address in primaries])


def test_every_address_leads_to_its_primary_and_no_other_does():
    everything = pairs(1_000)
    known = KnownAddresses(everything)
    assert len(known) == 1_000
    for key, primary in everything:
        assert known.primary(key) == primary
        for near in (key[1:], key[:-1], f"a{key}", f"{key}a"):
            assert known.primary(near) is None


def test_nothing_is_known_of_nothing():
    assert KnownAddresses([]).primary("ann@example.com") is None


def test_addresses_beyond_ascii_are_found():
    known = KnownAddresses([("ann@example.com", "回覧@example.com"), ("回覧@example.com",) * 2])
    assert known.primary("回覧@example.com") == "回覧@example.com"
    assert known.primary("ann@example.com") == "回覧@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\t",
        "alias000000@example.com\tgiven.family000000@example.com",
        "alias000000@example.com\nalias000001@example.com",
        "given.family000000@example.com\n",
        "\udcff@example.com",
        "~" * 100_000,
    ],
)
def test_text_that_is_no_address_finds_nothing(text):
    assert KnownAddresses(pairs(1_000)).primary(text) is None


def test_a_hundred_thousand_addresses_take_less_than_ten_megabytes():
    everything = pairs(100_000)
    tracemalloc.start()
    try:
        known = KnownAddresses(everything)
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(known) == 100_000
    # The text alone is 4.7 MB; a million addresses must fit in 100 MB.
    assert size < 6_000_000
    assert peak < 10_000_000
