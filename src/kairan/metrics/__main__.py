"""Print docs/metrics.md: `python -m kairan.metrics > docs/metrics.md`."""

import sys

from kairan.metrics.page import page

sys.stdout.write(page())
