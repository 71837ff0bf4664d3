"""Usage: what was sent, by whom, how, what it costs, what was refused, and how it grows.

In      the trace: its events, and its tally of each minute
Out     reports as values (`report.py`), as tables, plots and files; pages and commands show them
Keeps   nothing
Never   changes anything, asks the directory, counts what the trace does not know
Limits  events are summed by SQLite a day at a time; rows of a report beside the numbers
"""
