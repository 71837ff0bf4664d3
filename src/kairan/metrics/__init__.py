"""Metrics: what the service does, for Prometheus, and whether it lives and is ready, for a balancer.

In      a configuration; the workers by their control sockets, the rest by a status
Out     `routes`: /metrics, /livez, /readyz for whatever process answers HTTP
Keeps   counters that never fall: of a worker that started anew what it had counted stays in the sum
Never   makes a worker do more than answer one status, nor the asker wait for one that stands still
Limits  an answer within 300 ms: what takes longer to read (the queue) is as old as it says;
        names of accounts and destinations are few, the rest is `other`
"""
