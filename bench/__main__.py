"""python -m bench [options]: Kairan and Postfix side by side on this machine."""

import sys

from bench.command import run
from bench.process import end_as_interrupted

end_as_interrupted()
sys.exit(run(sys.argv[1:]))
