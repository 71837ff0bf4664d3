"""Several processes change one directory: each change is whole, and none is lost."""

import random
from concurrent.futures import ThreadPoolExecutor

from kairan.directory.errors import DirectoryError
from kairan.directory.snapshot.memory import read_snapshot
from kairan.directory.store import Directory


def test_of_two_that_want_one_address_one_gets_it(url, directory):
    def claim(number: int) -> bool:
        with Directory.open(url) as mine:
            try:
                mine.add_account(f"own{number}@kairan.test", aliases=["shared@kairan.test"])
            except DirectoryError as error:
                assert "shared@kairan.test exists already" in str(error)  # noqa: PT017
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        winners = list(pool.map(claim, range(4)))
    assert winners.count(True) == 1
    assert [account.id for account in directory.accounts()] == [1]


def test_every_snapshot_taken_while_others_change_is_a_state_that_was(url, directory):
    """Each change moves one alias between two accounts' sets and both are read as one."""
    directory.add_mailbox("left@kairan.test", aliases=["ball@kairan.test"])
    directory.add_account("right@kairan.test")

    def play(seed: int) -> None:
        rng = random.Random(seed)
        with Directory.open(url) as mine:
            for _ in range(10):
                _move(mine, to_account=rng.random() < 0.5)

    with ThreadPoolExecutor(3) as pool:
        games = [pool.submit(play, seed) for seed in range(3)]
        versions, snapshot = [], None
        while not all(game.done() for game in games):
            snapshot = read_snapshot(directory, snapshot)
            versions.append(snapshot.version)
            assert snapshot.resolve("ball@kairan.test") in {"left@kairan.test", None,
                                                            "right@kairan.test"}  # fmt: skip
        for game in games:
            game.result()
    assert versions == sorted(versions)
    final = read_snapshot(directory)
    assert read_snapshot(directory, snapshot).heads.accounts == final.heads.accounts
    assert read_snapshot(directory, snapshot).resolve("ball@kairan.test") == final.resolve(
        "ball@kairan.test"
    )


def _move(directory: Directory, *, to_account: bool) -> None:
    ball = ["ball@kairan.test"]
    try:
        if to_account:
            directory.set_mailbox("left@kairan.test", aliases=[])
            directory.set_account("right@kairan.test", aliases=ball)
        else:
            directory.set_account("right@kairan.test", aliases=[])
            directory.set_mailbox("left@kairan.test", aliases=ball)
    except DirectoryError as error:
        # Another player was quicker to catch it.
        assert "exists already" in str(error)  # noqa: PT017
