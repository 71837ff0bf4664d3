"""DSN: what a sender is told of a message: failed, delayed, delivered, relayed, expanded.

In      an envelope, what became of its recipients, and the message or its header
Out     `build_report`: a finished multipart/report message
Never   parses the message that it is about, decides who is told, or queues anything
Limits  what is returned and how many recipients are explained, in settings.py
RFC     3464, 3461 section 6, 6533, 3834 (reports)
"""
