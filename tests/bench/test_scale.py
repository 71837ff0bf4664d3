"""Several nodes on one database: what is compared with what."""

from bench.scale import Measured, table


def measured(nodes, rate):
    return Measured(
        nodes=nodes,
        shards=1,
        accepted_rate=rate,
        drained_rate=rate / 2,
        lost=0,
        p50_ms=10.0,
        node_microseconds=1_300.0,
        database_microseconds=250.0,
        wal_octets=5_000.0,
    )


def test_each_line_is_compared_with_the_first():
    _, _, one, three = table([measured(1, 100.0), measured(3, 280.0)]).splitlines()
    assert one == "| 1 | 1 | 100 | 1.00 | 50 | 1.00 | 10 | 1300 | 250 | 5000 | 0 |"
    assert three.startswith("| 3 | 1 | 280 | 2.80 | 140 | 2.80 |")
