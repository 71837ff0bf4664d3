"""python -m bench.growth KIND [options]"""

import sys

from bench.growth.command import run

sys.exit(run(sys.argv[1:]))
