"""Tenant: which logins an organisation in Microsoft 365 allows, read by its own administrator.

In      the JSON that `script.py`'s PowerShell writes
Out     for each account which login works and what stands in the way; lines in English and Japanese
Keeps   nothing
Never   connects to anything: the administrator runs the script, which only reads
Limits  beside each function
Damage  a part that could not be read leaves its answers open, and is named
RFC     none: Microsoft's own controls
"""
