"""Explain: what a pasted reply, log line or bounce means, and what to do.

In      a text; where it came from does not matter
Out     Explanation values, the likeliest first, and their lines in English and Japanese
Keeps   nothing
Never   invents a meaning: what no entry of `outcomes` fits is unknown, by its digits
Limits  2,000 characters a reply; the number of replies beside its function
Damage  a text without a reply in it is one unknown explanation
RFC     5321 section 4.2 (replies), 3463 (enhanced codes), 3464 (bounces)
"""
