"""An application with Celery, as docs/sender.md has it: python FILE SERVER POOL COUNT

The broker is in memory, so what orders the tasks and what works them off are one program; the pool
forks from it, or runs threads.  The sender has sent before that, as in an application that is alive.
"""

import os
import sys

from celery import Celery

from kairan import Message, Sender
from kairan.relay.next_hop import TlsPolicy

server, pool, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
app = Celery("payroll", broker="memory://")
app.conf.task_ignore_result = True
sender = Sender(server, tls=TlsPolicy.NONE)


def slip(recipient):
    return Message.compose(
        sender="payroll@us.test", to=[recipient], subject="Payslip", text=f"process {os.getpid()}"
    )


@app.task(bind=True, max_retries=5)
def payslip(task, recipient):
    (result,) = sender.send(slip(recipient))
    if result.may_pass_later:
        raise task.retry(countdown=0.1)


if __name__ == "__main__":
    assert sender.send(slip("parent@x.test")).all_sent
    for n in range(count):
        payslip.delay(f"user{n:03}@x.test")
    app.Worker(pool=pool, concurrency=2, loglevel="WARNING", without_gossip=True).start()
