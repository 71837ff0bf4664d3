"""docs/metrics.md, made from the table of families: `python -m kairan.metrics > docs/metrics.md`."""

from kairan.metrics.exposition import ACCOUNTS_NAMED_MAX, DESTINATIONS_NAMED_MAX
from kairan.metrics.families import FAMILIES

_HEAD = f"""\
# Metrics

What `/metrics` shows. Made from the table by `python -m kairan.metrics`. How to scrape it, the dashboard and the alert rules:
[operations](operations.md).

All workers are summed, and a worker that starts anew takes nothing away. At most {ACCOUNTS_NAMED_MAX} accounts and {DESTINATIONS_NAMED_MAX} destinations have a
name; the rest is `other`. Labels longer than 100 characters are cut in the middle.

| metric | kind | labels | meaning |
|---|---|---|---|
"""


def page() -> str:
    rows = (
        f"| `{one.name}` | {one.kind.value} | {', '.join(f'`{label}`' for label in one.labels)} | {one.help} |\n"
        for one in FAMILIES.values()
    )
    return _HEAD + "".join(rows)
