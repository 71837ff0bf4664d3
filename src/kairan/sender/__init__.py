"""Sender: what an application installs, to send much mail as the service wants it sent.

In      Message (octets, sender, recipients) to Sender or AsyncSender; facts to `plan`
Out     Report: for each recipient sent, refused (with cause and remedy) or unknown
Keeps   held sessions, a message to many in batches, one token for all sessions
Never   sends again what may have arrived; imports the service; lets a Bcc field out
Limits  settings.py
Damage  what was under way when the program died is not known here: a journal beside it knows
RFC     5321 section 4.5.4.1, 6409, 9422
"""
