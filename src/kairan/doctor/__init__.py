"""Doctor: why was it refused, and what to do about it.

In      a pasted reply, a log, a device's settings, a token, a server's address
Out     values that say what was found (Explanation, DeviceFinding, …), in English and Japanese
Keeps   nothing; credentials and tokens are looked at and never printed
Never   changes anything, or has a rule of its own where another package decides: it asks that package
Limits  pasted texts 2,000 characters a reply; the rest beside each function
Damage  what cannot be told is said to be so, with what the digits alone mean
RFC     5321 section 4.2 (replies), 3463 (enhanced codes), 7519 (tokens), 7628 and XOAUTH2
"""
