"""Device: the settings of a printer or an application, judged before it sends.

In      what its settings page says, or a CSV of a fleet
Out     DeviceFinding values, the gravest first
Keeps   nothing; a password is looked at and never printed
Never   connects to anything (that is `probe`)
Limits  beside each function
Damage  a row that cannot be read is a FleetError with its number
RFC     8314 (ports and TLS of submission)
"""
