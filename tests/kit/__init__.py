"""Kit: what several tests lean on.  What a user's test needs as well is in kairan.testing.

In      a folder, a script of faults, a seed
Out     `disk` fails when told to; `killable` is a service to be killed and started again; `ledger`,
        `senders` and `recorder` know who was promised what, and what arrived; `memory_spool`,
        `plain_directory` and `scripted_transport` stand in for the real ones in tests of rules;
        `live` is a whole service and a client that says the octets it is told, `controls` what an
        administrator changes meanwhile, `token_issuer` an issuer with its keys; `ports` are free
Keeps   nothing outside the folder
Never   is imported by the package
"""
