"""Programs of other people that read reports: whom do they find, and how bad is it?"""

import email
import email.policy
import json
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

Found = dict[str, str]  # address -> status, as far as the program says one


def by_python(raw: bytes, _folder: Path) -> Found:
    """The standard library, with everything it finds wrong."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    for part in message.walk():
        assert not part.defects, part.defects
    status = list(message.iter_parts())[1]
    if status.get_content_type() == "message/delivery-status":
        blocks = status.get_payload()[1:]
    else:  # of RFC 6533 the library knows nothing
        text = raw.partition(b"delivery-status\r\n")[2].partition(b"\r\n\r\n")[2]
        text = text.partition(b"\r\n\r\n--")[0].decode()
        blocks = [email.message_from_string(b) for b in text.strip().split("\r\n\r\n")[1:]]
    found = {}
    for block in blocks:
        assert not block.defects
        found[str(block["Final-Recipient"]).partition(";")[2].strip()] = str(block["Status"])
    return found


def by_flufl(raw: bytes, _folder: Path) -> Found:
    """What Mailman reads bounces with; failures and delays, nothing else."""
    from flufl.bounce import all_failures

    temporary, permanent = all_failures(email.message_from_bytes(raw))
    found = {address.decode(): "4" for address in temporary}
    return found | {address.decode(): "5" for address in permanent}


_BOUNCE_PARSER = """
use Mail::DeliveryStatus::BounceParser; use JSON::PP; local $/;
my $bounce = eval { Mail::DeliveryStatus::BounceParser->new(<STDIN>) } or die $@;
my %found = map { ($_->get("email") => $_->get("smtp_code") || "") } $bounce->reports;
print encode_json(\\%found);
"""


def by_bounce_parser(raw: bytes, _folder: Path) -> Found:
    return _perl("Mail::DeliveryStatus::BounceParser", _BOUNCE_PARSER, raw.replace(b"\r\n", b"\n"))


_SISIMAI = """
use Sisimai; use JSON::PP;
my $read = Sisimai->make($ARGV[0], delivered => 1) || [];
my %found = map { ($_->recipient->address => $_->deliverystatus) } @$read;
print encode_json(\\%found);
"""


def by_sisimai(raw: bytes, folder: Path) -> Found:
    file = folder / "report.eml"
    file.write_bytes(raw.replace(b"\r\n", b"\n"))
    return _perl("Sisimai", _SISIMAI, b"", str(file))


@cache
def _has(module: str) -> bool:
    try:
        subprocess.run(["perl", f"-M{module}", "-e1"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _perl(module: str, program: str, standard_input: bytes, *arguments: str) -> Found:
    if not _has(module):
        pytest.skip(f"needs Perl's {module} (make peers)")
    done = subprocess.run(
        ["perl", "-e", program, *arguments], input=standard_input, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    found: Found = json.loads(done.stdout)
    return found


PARSERS: tuple[Callable[[bytes, Path], Found], ...] = (
    by_python,
    by_flufl,
    by_bounce_parser,
    by_sisimai,
)
