"""The load generator by itself, against any server: python bench/load.py [options] HOST PORT

Options: at the head of src/kairan/bench/load.c.
"""

import os
import sys

from kairan.bench.program import compiled

program = str(compiled("load"))
os.execv(program, [program, *sys.argv[1:]])
