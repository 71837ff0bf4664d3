"""python -m bench [options]: Kairan and Postfix side by side on this machine."""

import sys

from bench.command import run

sys.exit(run(sys.argv[1:]))
