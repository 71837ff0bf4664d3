"""Who may import whom: the picture of docs/architecture.md as a list.

Top to bottom; a package imports only packages on lower lines, and packages on one line do not know each
other.  A package may have its place here before it is built.  Moving a package is a design decision: change this list in the same commit and say why.
"""

LAYERS: list[set[str]] = [
    {"cli"},
    {"testing"},
    {"service"},
    # What the service forks: one process with all packages in it.
    {"worker"},
    # Programs ask by HTTP what people ask on the command line.
    {"api"},
    # What a process that answers HTTP mounts: pages for people, counters for Prometheus.
    {"console", "metrics"},
    # `webhooks`: a process of its own; reads the trace, and what is of concern.
    {"queue", "usage", "webhooks"},
    {"doctor", "status"},
    {"config"},
    {"intake", "delivery", "sender", "issuer", "alerts"},
    # One web server for both: the issuer's process answers at /scim/v2, too.
    # `web`: how any of our processes answers HTTP.
    {"scim", "web"},
    {"auth", "admission", "capture", "expansion", "relay", "trace", "dsn"},
    {"spool", "directory"},
    # The engine's own refusals (503, 501, 500 …) come from the catalogue like all others.
    {"smtp"},
    {"outcomes"},
    {"mail", "runtime"},
]

# Folders of one package that do not know each other.
APART: dict[str, set[str]] = {"smtp": {"client", "sasl", "server"}}
