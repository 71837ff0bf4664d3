"""The directory's entries in the console: one table for each kind, one mechanism for all.

In      forms of administrators; the tables of accounts.py, apps.py, devices.py, groups.py, mailboxes.py, policies.py
Out     lists, an entry's page, forms; changes by the functions that commands and the API call; lines of the audit
Never   decides what an entry may be: the directory says so, and its sentence stands above the form
Limits  rows, lines and characters of a form, beside the numbers
"""
