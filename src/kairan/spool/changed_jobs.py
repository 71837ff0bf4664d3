"""What becomes of a job, whatever storage keeps it: tried later, or split into several."""

from collections.abc import Sequence

from kairan.spool.interface import Job, JobId, NewJob


def later(
    job: Job, *, due: float, detail: str, delayed: bool, destination: str, is_attempt: bool
) -> Job:
    return job._replace(
        due=due,
        attempts=job.attempts + is_attempt,
        detail=detail,
        delayed=job.delayed or delayed,
        destination=destination,
    )


def children_of(job: Job, jobs: Sequence[NewJob], first: int) -> list[Job]:
    """The jobs of a split, numbered from `first`.  Due 0 keeps the place of the job they come from."""
    return [
        Job(
            JobId(job.id.message, number),
            new.route,
            new.recipients,
            new.due or job.due,
            new.attempts,
            new.detail,
            new.delayed,
            new.destination,
            new.since,
        )
        for number, new in enumerate(jobs, first)
    ]
