"""The directory's sources as its users see them: what was read is applied, what failed is noted."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database, Part, touch
from kairan.directory.sources.apply import (
    ChangeProgress,
    SyncReport,
    SyncRules,
    apply_reading,
)
from kairan.directory.sources.values import ArrivingReading


@dataclass(frozen=True, slots=True)
class SourceState:
    """Times in seconds since the epoch, 0: never."""

    name: str
    tried: int = 0
    succeeded: int = 0  # the directory holds what the source had then
    whole: int = 0  # when it was last asked for everybody
    problem: str = ""  # why the last try changed nothing; empty: it did what it should
    mark: str = ""
    people: int = 0  # that bear its name
    groups: int = 0
    left_out: int = 0  # of the last whole reading


class Sources:
    def __init__(self, database: Database) -> None:
        self._database = database

    def states(self) -> list[SourceState]:
        """Of those that were ever tried."""
        with self._database.reading() as connection:
            table = schema.directory_source
            rows = connection.execute(select(table).order_by(table.c.name)).mappings().all()
            return [_state(connection, dict(row)) for row in rows]

    def state(self, name: str) -> SourceState:
        return next((one for one in self.states() if one.name == name), SourceState(name))

    def apply(
        self,
        name: str,
        reading: ArrivingReading,
        rules: SyncRules,
        *,
        now: int,
        dry_run: bool = False,
        on_progress: ChangeProgress | None = None,
    ) -> SyncReport:
        """All of it or nothing.  `dry_run`: what would be, and nothing is written."""
        with self._database.changing() as connection:
            report = apply_reading(
                connection, name, reading, rules, now=now, on_progress=on_progress
            )
            if dry_run:
                connection.rollback()
                return report
            if report.addresses_changed:
                touch(connection, Part.MAILBOXES)
            if report.heads_changed:
                touch(connection, Part.HEADS)
            rest = reading.rest()
            values: dict[str, object] = {
                "tried": now,
                "succeeded": now,
                "problem": "",
                "mark": rest.mark,
            }
            if rest.present is not None:
                values |= {"whole": now, "left_out": report.left_out}
            _put(connection, name, values)
        return report

    def note_failure(self, name: str, problem: str, *, now: int) -> None:
        """The last good copy serves on."""
        with self._database.writing() as connection:
            _put(connection, name, {"tried": now, "problem": problem})

    def claim(self, name: str, interval_seconds: float, *, now: int) -> bool:
        """Whether its next look is due and the caller's to take: of all machines one gets it."""
        if interval_seconds <= 0:
            return False
        table = schema.directory_source.c
        with self._database.writing() as connection:
            query = select(table.tried).where(table.name == name).with_for_update()
            tried = connection.execute(query).scalar() or 0
            if now - tried < interval_seconds:
                return False
            _put(connection, name, {"tried": now})
            return True


def _state(connection: Connection, row: dict[str, object]) -> SourceState:
    box, head = schema.mailbox, schema.source_group
    people = select(func.count()).select_from(box).where(box.c.source == row["name"])
    groups = select(func.count()).select_from(head).where(head.c.source == row["name"])
    return SourceState(
        **row,  # type: ignore[arg-type]
        people=connection.execute(people).scalar_one(),
        groups=connection.execute(groups).scalar_one(),
    )


def _put(connection: Connection, name: str, values: dict[str, object]) -> None:
    table = schema.directory_source
    its = table.c.name == name
    if connection.execute(update(table).where(its).values(values)).rowcount == 0:
        empty = {"tried": 0, "succeeded": 0, "whole": 0, "problem": "", "mark": "", "left_out": 0}
        connection.execute(insert(table).values({"name": name, **empty, **values}))
