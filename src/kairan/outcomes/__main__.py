"""Print the reference page of the catalogue: `python -m kairan.outcomes > docs/errors.md`."""

import sys

from kairan.outcomes.page import page

sys.stdout.write(page())
