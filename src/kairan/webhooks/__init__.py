"""Webhooks: a program of yours hears by HTTP what became of each recipient.

In      the trace, which is written anyway, by a cursor of each webhook's own; concerns, as alerts have them
Out     POST with signed JSON; an event has one id for ever, and comes at least once
Keeps   webhooks.db: who is told, how far each has read, what still waits, what was told lately;
        of nodes with one queue in its database, where one of them tells at a time (shared.py)
Never   costs the mail anything: a process of its own, of low priority, that fsyncs nothing; dials an
        address that is not the Internet's and not listed; follows a redirect; believes an answer's body
Limits  store.py, sending.py, [webhooks]: who is slow reads the trace later, and nothing piles up
Damage  what a power cut takes of webhooks.db is read and sent again, with the same ids
RFC     2104 (the signature), 9110; 6890 (addresses, by relay/reach.py)
"""
