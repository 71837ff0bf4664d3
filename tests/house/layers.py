"""Who may import whom: the picture of docs/architecture.md as a list.

Top to bottom; a room imports only rooms on lower lines, and rooms on one line do not know each
other.  A room may have its place here before it is built.  Moving a room is a design decision: change this list in the same commit and say why.
"""

LAYERS: list[set[str]] = [
    {"cli"},
    {"testing"},
    {"service"},
    # What the service forks: one process with all rooms in it.
    {"worker"},
    {"doctor"},
    {"config"},
    {"intake", "delivery", "sender", "issuer"},
    {"auth", "admission", "expansion", "relay", "trace", "dsn"},
    {"spool", "directory"},
    # The engine's own refusals (503, 501, 500 …) come from the catalogue like all others.
    {"smtp"},
    {"outcomes"},
    {"mail", "runtime"},
]
