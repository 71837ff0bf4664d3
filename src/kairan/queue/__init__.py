"""Queue: what an operator sees of the queue and does to it, beside a running service.

In      the command line, the console: which jobs, what to do to them, who says so
Out     how many were changed; an event of the trace for each recipient
Never   prints, decides who may, delivers
"""
