"""What grows with what: python -m bench.growth KIND [--sizes 1000,10000] [--quick] [--out docs/growth]

    kinds.py          the table of kinds
    kind.py           what a kind is: sizes, a measurement for each, numbers that must stay flat
    list_members.py   one message to a list of 1,000 to 1,000,000 members
    mail.py           mail under load against size, sessions, recipients, directory and queue
    mailboxes.py      1,000 to 1,000,000 people taken over from OpenLDAP, and what changes of them
    plot.py           the numbers as a CSV, a table and a plot

In      a kind and its sizes; each is measured on a service of its own, which is ended afterwards
Out     OUT-KIND.csv and OUT-KIND.svg, a Markdown table, and which number did not stay flat
Never   a second way to start, load or drain a service: these are the bench's
Limits  those of the bench; a million mailboxes take minutes to import, and some GiB on disk
"""
