"""python -m bench.growth KIND [options]"""

import sys

from bench.growth.command import run
from bench.process import end_as_interrupted

end_as_interrupted()
sys.exit(run(sys.argv[1:]))
