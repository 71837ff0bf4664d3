"""The transports' settings; a destination's own text overrides those of its sessions (`relay`)."""

from dataclasses import dataclass, field

from kairan.relay.settings import RelaySettings


@dataclass(frozen=True, slots=True)
class TransportSettings:
    # `hostname` and defaults of every session; a destination's options override them one by one.
    relay: RelaySettings = field(default_factory=RelaySettings)

    # Threads that wait for the disk in one Maildir destination.  The file system joins what is
    # synced at the same time; measured on ext4, 50 files took 40 ms one by one, 26 ms with four
    # threads, 17 ms with eight, and no less with more.
    maildir_threads: int = 8
    maildir_recipients_max: int = 50  # of one job: what the eight threads finish in a moment
    maildir_concurrency_max: int = 32  # so that the threads always find work

    # `mx:` keeps sessions to so many hosts; the one used longest ago goes first.
    mx_pools_max: int = 200
    mx_hosts_max: int = 5  # hosts of a domain tried in one attempt; the next attempt starts anew
    mx_sessions_max: int = 4  # a host: a stranger's server is not ours to fill
    # Networks to which `mx:` may go beside the Internet, for organisations whose mail servers are
    # inside: ["10.1.0.0/16"].  The records of a domain are written by strangers: without this they
    # never lead to this machine or to a private network, whatever they say.
    mx_networks_allowed: tuple[str, ...] = ()
    dns_timeout_seconds: float = 20.0  # a resolver's own retries included
