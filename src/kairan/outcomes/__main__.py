"""Print the reference page of the catalogue in a language: see `page.py`."""

import sys

from kairan.outcomes.page import page

sys.stdout.write(page("ja" if sys.argv[1:] == ["ja"] else "en"))
