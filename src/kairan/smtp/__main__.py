"""Print the conversation's states: `python -m kairan.smtp > docs/states.md`."""

import sys

from kairan.smtp.server.states import page

sys.stdout.write(page())
