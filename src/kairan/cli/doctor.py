"""kairan doctor: why was it refused, and what to do about it."""

from kairan.cli import (
    doctor_compare,
    doctor_device,
    doctor_explain,
    doctor_log,
    doctor_probe,
    doctor_token,
)
from kairan.cli.options import group_of_commands

app = group_of_commands("Explain refusals, and find what is wrong before they come.")

doctor_explain.register(app)
doctor_device.register(app)
doctor_token.register(app)
doctor_probe.register(app)
doctor_log.register(app)
doctor_compare.register(app)
