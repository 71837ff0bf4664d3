"""A directory server's people taken over: by OpenLDAP, with `kairan directory sync` as it is typed.

For each thousand people there is a group of them.  Times are the command's, its start and end included.

`import_seconds`   everybody, into an empty directory
`changed_seconds`  a hundred of them have changed: the look that finds them, and what becomes of it
`changed_cpu`      processor time of that command
`whole_seconds`    everybody once more, when nothing has changed
`peak_mib`         the most memory (PSS) that the command took in any of them
"""

import json
import resource
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import process
from bench.errors import BenchError
from bench.growth.kind import Flat, Growth
from bench.kairan_service import command, compile_package
from bench.ldif import entry, modification
from bench.scenario import Metric, Sample, hundredths, whole
from bench.slapd import ADMINISTRATOR, BASE, PASSWORD, ROOT, SlapdServer, is_installed, person

MIB = 1024 * 1024
GROUP_MEMBERS = 1_000
CHANGED = 100
# Long ago: the look for changes goes a minute back, and must not find what was loaded just now.
LOADED = "20260101000000Z"
ENTRIES_PER_MEBIBYTE = 200  # of slapd's database, with room


@dataclass(frozen=True, slots=True)
class _Look:
    seconds: float
    cpu_seconds: float
    peak_mib: float
    counts: dict[str, int]
    members_added: int


def measure(people: int, folder: Path, seconds_min: float) -> Sample:
    del seconds_min  # a look takes as long as it takes
    if not is_installed():
        raise BenchError("needs slapd and ldap-utils: make peers")
    folder.chmod(0o755)
    slapd = SlapdServer(folder)
    slapd.write(megabytes=64 + people // ENTRIES_PER_MEBIBYTE)
    ldif = folder / "all.ldif"
    with ldif.open("w") as file:
        file.writelines(_entries(people))
    slapd.load(ldif)
    ldif.unlink()
    try:
        slapd.start()
        # From its time the next look goes on.
        slapd.send("ldapadd", entry(f"uid=late,{BASE}", person("late")))
        return _measured(slapd, people, _installed(slapd, folder))
    finally:
        slapd.stop()


def _entries(people: int) -> Iterator[str]:
    loaded = {"createTimestamp": LOADED, "modifyTimestamp": LOADED}
    yield entry(BASE, ROOT)
    for number in range(people):
        name = f"p{number}"
        facts = {
            "department": f"Department {number % 100}",
            "title": f"Title {number % 1_000}",
            "extensionAttribute1": str(number % 7),
            "proxyAddresses": [f"SMTP:{name}@example.com", f"smtp:alias{number}@example.com"],
        }
        yield entry(f"uid={name},{BASE}", person(name) | facts | loaded)
    for number in range(people // GROUP_MEMBERS):
        first = number * GROUP_MEMBERS
        members = [f"uid=p{one},{BASE}" for one in range(first, first + GROUP_MEMBERS)]
        group = {
            "objectClass": ["groupOfNames", "kairanAdded"],
            "cn": f"g{number}",
            "mail": f"g{number}@example.com",
            "member": members,
        }
        yield entry(f"cn=g{number},{BASE}", group | loaded)


def _installed(slapd: SlapdServer, folder: Path) -> Path:
    place = folder / "kairan"
    compile_package()
    process.ask(command("init", str(place), "--domain", "example.com"))
    password = folder / "password"
    password.write_text(PASSWORD)
    configuration = place / "kairan.toml"
    source = {
        "name": "ldap",
        "servers": [slapd.url],
        "ca_file": str(slapd.ca_file),
        "bind_user": ADMINISTRATOR,
        "bind_password_file": str(password),
        "people_filter": "(&(objectClass=inetOrgPerson)(mail=*))",
        "groups_filter": "(objectClass=groupOfNames)",
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in source.items()]
    with configuration.open("a") as file:
        file.write("\n".join(["", "[[directory.sources]]", *lines, ""]))
    return configuration


def _measured(slapd: SlapdServer, people: int, configuration: Path) -> Sample:
    everybody = _look(configuration)
    changes = (
        modification(f"uid=p{number * (people // CHANGED)},{BASE}", {"department": "changed"})
        for number in range(CHANGED)
    )
    slapd.send("ldapmodify", "".join(changes))
    changed = _look(configuration)
    again = _look(configuration, "--whole")
    groups = people // GROUP_MEMBERS
    missing = [
        abs(everybody.counts.get("person add", 0) - people - 1),  # and who came late
        abs(everybody.counts.get("group add", 0) - groups),
        abs(everybody.members_added - groups * GROUP_MEMBERS),
        abs(changed.counts.get("person change", 0) - CHANGED),
        sum(again.counts.values()),
    ]
    return {
        "import_seconds": everybody.seconds,
        "import_us": everybody.seconds / people * 1e6,
        "changed_seconds": changed.seconds,
        "changed_cpu": changed.cpu_seconds,
        "whole_seconds": again.seconds,
        "peak_mib": max(one.peak_mib for one in (everybody, changed, again)),
        "failed": sum(missing),
    }


def _look(configuration: Path, *words: str) -> _Look:
    began, processor = time.monotonic(), _children_cpu_seconds()
    running = subprocess.Popen(
        command("directory", "sync", "ldap", *words, "--json", "-c", str(configuration)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process.PeakMemory([running.pid]) as peak:
        out, said = running.communicate()
        seconds = time.monotonic() - began
    if running.returncode != 0:
        raise BenchError(f"kairan directory sync: {said.strip()[-500:]}")
    report = json.loads(out)["sources"]["ldap"]
    used = _children_cpu_seconds() - processor
    return _Look(seconds, used, peak.octets / MIB, report["counts"], report["members_added"])


def _children_cpu_seconds() -> float:
    """Of those that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


MAILBOXES = Growth(
    name="mailboxes",
    about="People taken over from OpenLDAP",
    unit="people",
    sizes=(1_000, 10_000, 100_000, 1_000_000),
    quick=(1_000,),
    metrics=(
        Metric("import_seconds", "import, s", hundredths),
        Metric("import_us", "µs each", whole),
        Metric("changed_seconds", "100 changed, s", hundredths),
        Metric("changed_cpu", "its processor, s", hundredths),
        Metric("whole_seconds", "all again, s", hundredths),
        Metric("peak_mib", "memory MiB", whole),
        Metric("failed", "failed", whole),
    ),
    measure=measure,
    flat=(Flat("import_seconds", at_most=300), Flat("changed_seconds", at_most=2)),
)
