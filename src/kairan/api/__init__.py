"""The HTTP API: programs send mail, ask where it is, and operate the service.

In      HTTP (web/server.py): an account with its password or token, or a key of `kairan api-key`
Out     mail: by SMTP to a worker's Unix socket, so that every rule and promise is SMTP's own;
        all else: the library functions that the commands call
Keeps   202 only after SMTP's 250; with an Idempotency-Key a message is sent once, also where the
        process dies between the two.
Never   decides who may send; blocks its event loop (files, databases and parsing run in threads);
        believes a client about its address or its host's name.
Limits  bodies.py, idempotency.py, submission.py, each number with its reason
RFC     9457 (problem documents), 9110, 6750 and 7617 (who asks), 5322 (what is built)
"""
