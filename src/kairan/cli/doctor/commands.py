"""kairan doctor: why was it refused, and what to do about it."""

from kairan.cli.doctor import compare, device, explain, log, probe, token
from kairan.cli.options import group_of_commands

app = group_of_commands("Explain refusals, and find what is wrong before they come.")

explain.register(app)
device.register(app)
token.register(app)
probe.register(app)
log.register(app)
compare.register(app)
