"""Capture: what a developer's service keeps of the mail it delivers, and the refusals he rehearses with it.

In      delivered messages (delivery's transport `capture:`); fault rules, by page, command and API
Out     messages to look at, search and delete; for the intake the fault rules in force
Keeps   the newest messages, up to so many octets and so many of them (settings.py); the rest is counted
Never   is there unless `[capture]` is on, takes part in the promise, or asks the disk before a 250
Limits  of reading a message: read.py, each number with its reason
RFC     2045 to 2047 and 2183 (MIME), 2231 (file names), read for people alone
"""
