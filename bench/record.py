"""Put a run's results into docs/performance.md: python -m bench --markdown | python -m bench.record

What stands between the two marks is replaced.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"

before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
after = rest.split(END)[1]
results = f"Measured on {datetime.now(UTC):%Y-%m-%d}: {sys.stdin.read()}"
PAGE.write_text(f"{before}{BEGIN}{results}{END}{after}", encoding="utf-8")
