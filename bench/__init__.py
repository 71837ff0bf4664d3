"""Bench: how fast are we, on this machine, beside Postfix, under the same load?

In      a plan: scenarios, contestants, how long
Out     a table, JSON or Markdown: medians, ratios, and the floors that must hold
Keeps   what it starts apart: own folders, own free ports, all ended when it returns
Never   installs anything, touches a Postfix or Dovecot that is running, or looks into Kairan:
        it uses the commands and the wire, as an administrator does
Limits  Linux; Postfix takes part where postfix and dovecot-core are installed and we are root;
        a C compiler and OpenSSL's headers build the load generator (load.c) and the sink (sink.c)
Damage  a contestant that does not start ends the run with its log's last lines
RFC     5321, 3207, 4954, 2920, as a client (load.c) and as a server (sink.c)
"""
