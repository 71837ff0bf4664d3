"""What tests of a whole cluster begin with."""

import shutil
import tempfile
from pathlib import Path

import pytest

from peers.servers import need


@pytest.fixture
def fault_count(request):
    count = request.config.getoption("--faults")
    if not count:
        pytest.skip("only by `make cluster`")
    need("patroni", "etcd", "haproxy", "ip")
    return count


@pytest.fixture
def folder(request):
    """Open to the user postgres; left where the test failed, for its logs."""
    made = Path(tempfile.mkdtemp(prefix="kairan-cluster-"))
    made.chmod(0o755)
    yield made
    if made.exists() and not request.session.testsfailed:
        shutil.rmtree(made)
