"""`python -m kairan` is `kairan`, where the script is not on the path."""

from kairan.cli.app import main

main()
