"""A token on disk: 0600, sealed, its owner's alone, and no disaster when it is lost."""

import os
import stat
import subprocess
import sys
import threading

import pytest

from kairan.relay.tokens.cache import TokenCache
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.times import Margins
from kairan.relay.tokens.token import AccessToken, Fetched

MARGINS = Margins(renew_seconds=1_200, refused_seconds=600)
FETCHED = Fetched(AccessToken("eyJ-secret-token", 1_000.0, 4_600.0), "refresh-secret")


def cache_in(folder, about="one application") -> TokenCache:
    return TokenCache(folder / "tokens", "hve", about=about)


def test_what_is_written_is_read_again(tmp_path):
    cache_in(tmp_path).write(FETCHED)
    assert cache_in(tmp_path).read() == FETCHED


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_only_the_owner_can_read_and_nobody_sees_the_token(tmp_path):
    before = os.umask(0)
    try:
        cache = cache_in(tmp_path)
        with cache.locked():
            cache.write(FETCHED)
    finally:
        os.umask(before)
    files = list((tmp_path / "tokens").iterdir())
    assert {path.name for path in files} == {"key", "hve.token", "hve.lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "tokens").stat().st_mode) == 0o700
    assert not any(b"secret" in path.read_bytes() for path in files)


def test_a_token_of_other_settings_is_not_ours(tmp_path):
    cache_in(tmp_path).write(FETCHED)
    assert cache_in(tmp_path, about="another scope").read() is None


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"g" * 300_000, None])
def test_what_cannot_be_read_is_none_and_is_written_anew(tmp_path, damage):
    cache = cache_in(tmp_path)
    cache.write(FETCHED)
    path = tmp_path / "tokens" / "hve.token"
    path.write_bytes(damage if damage is not None else path.read_bytes()[:-9])
    assert cache.read() is None
    cache.write(FETCHED)
    assert cache.read() == FETCHED


def test_a_lost_key_costs_a_request_and_no_more(tmp_path):
    cache = cache_in(tmp_path)
    cache.write(FETCHED)
    (tmp_path / "tokens" / "key").write_bytes(b"torn")
    assert cache.read() is None
    cache.write(FETCHED)
    assert cache.read() == FETCHED


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "tokens").write_text("a file stands where the folder should")
    keeper = TokenKeeper(
        "hve", lambda _: FETCHED, MARGINS, cache=cache_in(tmp_path), now=lambda: 1_000.0
    )
    assert keeper.token() == FETCHED.token


def test_the_next_start_uses_the_token_and_a_refused_one_does_not_come_back(tmp_path):
    requests = []

    def fetch(state):
        requests.append(state)
        return Fetched(AccessToken(f"token-{len(requests)}", 1_000.0, 4_600.0), "state")

    def start():
        return TokenKeeper("hve", fetch, MARGINS, cache=cache_in(tmp_path), now=lambda: 1_000.0)

    assert start().token().text == start().token().text == "token-1"
    last = start()
    assert last.refuse(last.token().text)
    assert last.token().text == "token-2"
    assert start().token().text == "token-2"
    assert requests == ["", "state"]


PROCESS = """
import sys, time
from pathlib import Path
from kairan.relay.tokens.cache import TokenCache
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.times import Margins
from kairan.relay.tokens.token import AccessToken, Fetched
folder = Path(sys.argv[1])

def fetch(_):
    with (folder / "requests").open("a") as file:
        file.write("x")
    time.sleep(0.2)
    return Fetched(AccessToken("token", time.time(), time.time() + 3600))

cache = TokenCache(folder / "tokens", "hve", about="one")
print(TokenKeeper("hve", fetch, Margins(1200, 600), cache=cache).token().text)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no lock between processes there")
def test_processes_that_start_together_are_one_request(tmp_path):
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    assert [one.communicate(timeout=60)[0] for one in started] == ["token\n"] * 4
    assert (tmp_path / "requests").read_text() == "x"


def test_threads_do_not_tear_the_file(tmp_path):
    cache = cache_in(tmp_path)

    def write():
        with cache.locked():
            cache.write(FETCHED)
            assert cache.read() == FETCHED

    threads = [threading.Thread(target=write) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.read() == FETCHED
