"""Which routes the jobs of the queue go by, whether that was written down or not."""

from functools import cached_property

from kairan.config.model import Configuration
from kairan.delivery.plan import routes_of
from kairan.delivery.routes import Router
from kairan.directory.model import Snapshot
from kairan.spool.interface import Job


class Routing:
    """The routes of jobs, by the configuration and the directory of now."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._router = Router(configuration.delivery.routes)

    @cached_property
    def _snapshot(self) -> Snapshot:
        # SQLAlchemy is a third of a second, and most looks at a queue need no directory.
        from kairan.cli.directory import directory_of  # noqa: PLC0415
        from kairan.directory.snapshot.memory import read_snapshot  # noqa: PLC0415

        with directory_of(self._configuration) as directory:
            return read_snapshot(directory)

    def of(self, job: Job) -> tuple[str, ...]:
        """Asks the directory for those alone whose route was never written down."""
        if job.route and self._router.named(job.route) is not None:
            return (job.route,)
        return routes_of(job, self._snapshot, self._router)
