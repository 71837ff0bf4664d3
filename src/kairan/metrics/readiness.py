"""Whether mail is accepted, and what stands against it: rules over what was seen."""

from collections.abc import Iterator

from kairan.metrics.watch import Sight


def unready(seen: Sight, *, workers_expected: int) -> list[str]:
    """In sentences for whoever reads them at night; none: ready."""
    return list(_reasons(seen, workers_expected))


def _reasons(seen: Sight, workers_expected: int) -> Iterator[str]:
    if seen.why_nobody:
        yield seen.why_nobody
        return
    for number, why in seen.workers.silent.items():
        yield f"worker {number} does not answer: {why}"
    missing = workers_expected - len(seen.workers.reports) - len(seen.workers.silent)
    if missing > 0:
        yield f"{missing} of {workers_expected} workers are not there (yet)"
    for one in seen.workers.reports:
        if one["refusal"]:
            yield f"worker {one['number']}: {one['refusal']}"
    if any(one["is_draining"] for one in seen.workers.reports):
        yield "it is being drained"
