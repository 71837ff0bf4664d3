"""Which routes the jobs of the queue go by, whether that was written down or not; and who tries them now."""

from contextlib import suppress
from functools import cached_property

from kairan.config.model import Configuration
from kairan.delivery.plan import destination_of, routes_of
from kairan.delivery.routes import Router
from kairan.directory.model import Snapshot
from kairan.intake.control import ControlUnavailableError, ask_workers
from kairan.queue.jobs import FoundJob
from kairan.spool.interface import Job, JobSummary, Quarantined


class Routing:
    """The routes of jobs, by the configuration and the directory of now."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.router = Router(configuration.delivery.routes)

    @cached_property
    def _snapshot(self) -> Snapshot:
        # SQLAlchemy is a third of a second, and most looks at a queue need no directory.
        from kairan.directory.snapshot.memory import read_snapshot  # noqa: PLC0415
        from kairan.directory.store import Directory  # noqa: PLC0415

        with Directory.open(self._configuration.directory_url) as directory:
            return read_snapshot(directory)

    def destination_of(self, job: Job) -> str:
        names = self.of(job)
        return destination_of(job, self.router.named(names[0]) if names else None)

    def of(self, job: Job | JobSummary) -> tuple[str, ...]:
        """Asks the directory for those alone whose route was never written down."""
        if job.route and self.router.named(job.route) is not None:
            return (job.route,)
        return routes_of(job, self._snapshot, self.router)


# By MX a queue may hold mail for ten thousand domains; all that are down is one request.
_NAMED_MAX = 50


class TryNow:
    """Has the running service try the destinations of jobs, though they are held or down."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._routing = Routing(configuration)
        self._names: set[str] = set()

    def add(self, one: FoundJob) -> None:
        if len(self._names) <= _NAMED_MAX and not isinstance(one.item, Quarantined):
            self._names.add(self._routing.destination_of(one.item.job))

    def ask(self, *, everything: bool) -> None:
        """Where no service runs, its start tries all."""
        wanted: list[dict[str, str]] = [{"destination": name} for name in self._names if name]
        if everything or len(self._names) > _NAMED_MAX:
            wanted = [{}]
        with suppress(ControlUnavailableError):
            for one in wanted:
                for _ in ask_workers(self._configuration.control_directory, "try-now", one):
                    pass
