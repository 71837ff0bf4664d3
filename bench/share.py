"""A share of a processor for some processes: a control group of Linux, version 1 or 2.  As root."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_CPU = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
_PERIOD_MICROSECONDS = 100_000
_POLL_SECONDS = 0.02
_GONE_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Share:
    """A control group that has a share of one core."""

    folder: Path

    @classmethod
    def make(cls, name: str, cores: float) -> "Share | None":
        """None where control groups cannot be written, or do not have the processor."""
        quota = int(cores * _PERIOD_MICROSECONDS)
        settings = {"cpu.cfs_quota_us": str(quota), "cpu.max": f"{quota} {_PERIOD_MICROSECONDS}"}
        for root in _CPU:
            folder = root / name
            with suppress(OSError):
                folder.mkdir(exist_ok=True)
                for setting, value in settings.items():
                    if (folder / setting).exists():
                        (folder / setting).write_text(value)
                        return cls(folder)
                folder.rmdir()
        return None

    def take(self, processes: Iterable[int]) -> None:
        """And what these start from now on."""
        for process in processes:
            (self.folder / "cgroup.procs").write_text(str(process))

    def release(self) -> None:
        """What runs in it goes on without a limit; the group is gone."""
        rest = Share(self.folder.parent)
        rest.take(map(int, (self.folder / "cgroup.procs").read_text().split()))
        self.remove()

    @property
    def run_in(self) -> tuple[str, ...]:
        return ("sh", "-c", f'echo $$ > {self.folder}/cgroup.procs; exec "$@"', "sh")

    def remove(self) -> None:
        deadline = time.monotonic() + _GONE_SECONDS_MAX
        while True:
            try:
                self.folder.rmdir()
            except OSError:  # who died in it has not been waited for yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)
            else:
                return
