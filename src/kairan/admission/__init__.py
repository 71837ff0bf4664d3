"""Admission: may you, as this sender, to these recipients, this much?

In      facts: account, snapshot, header, counts
Out     Accept or Refuse with its outcome
Keeps   nothing: every rule is a function of its arguments
Never   awaits, reads a clock or the configuration
Limits  settings.py
RFC     6409 section 6 (what a submission server may insist on), 5321 section 6.3 (loops)
"""
