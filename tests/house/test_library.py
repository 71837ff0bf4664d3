"""What an application installs imports nothing of the service."""

import subprocess
import sys

import pytest

ALLOWED = {"mail", "smtp", "outcomes", "runtime", "relay", "sender"}
# Of the protocol, the client's side alone.
SERVER_SIDE = ("kairan.smtp.server", "kairan.smtp.sasl")
HEAVY = ("sqlalchemy", "alembic", "starlette", "uvicorn", "pydantic", "typer", "argon2")


@pytest.fixture(scope="module")
def modules():
    program = "import sys, kairan; kairan.Sender, kairan.AsyncSender; print(*sys.modules)"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()


def test_the_library_imports_only_the_packages_it_may(modules):
    packages = {name.split(".")[1] for name in modules if name.startswith("kairan.")}
    assert "sender" in packages
    assert packages <= ALLOWED


def test_the_library_does_not_import_the_servers_side_of_the_protocol(modules):
    assert not [name for name in modules if name.startswith(SERVER_SIDE)]


def test_the_library_waits_for_no_database_and_no_web_server(modules):
    assert not [name for name in modules if name.split(".")[0] in HEAVY]
