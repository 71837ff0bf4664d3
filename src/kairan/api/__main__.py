"""Print the reference page of the HTTP API: see `page.py`."""

import sys

from kairan.api.page import page

sys.stdout.write(page())
