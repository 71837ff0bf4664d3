"""Outcomes: every answer that is not a plain yes, once: code, wire text, cause and remedy.

In      nothing
Out     Outcome constants by name, `CATALOGUE` by key, the decisions Accept and Refuse
Keeps   one place for reply texts: nobody writes one elsewhere
Never   decides when an outcome applies
RFC     5321 section 4.2, 3463 (enhanced codes), 5248
"""
