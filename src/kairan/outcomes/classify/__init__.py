"""Classify: which entry of the catalogue a reply is, whoever said it.

In      a reply, a line of a log, the text of an exception
Out     candidates by key, the likeliest first, each with why
Keeps   judgements of texts that are met again, within 8 MiB
Never   invents a meaning: what no entry fits has none
Limits  2,000 characters a reply
Damage  a text without a reply in it has no candidates
RFC     5321 section 4.2, 3463
"""
