"""Console: server-rendered pages for administrators, from "my mail did not arrive" to cause and remedy.

In      requests of browsers, by the web process that mounts `routes.routes(parts)`
Out     pages in English and Japanese; acts on the queue, changes of the directory; lines of the audit
Never   decides what a refusal means (doctor), shows a message's body, waits on the event loop
Keeps   sessions in memory: a restart signs everybody out
Limits  sessions, form octets and waiting hashes, beside the numbers
"""
