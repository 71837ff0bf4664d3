"""The tables, format 1, in the schema `kairan_spool` of the database.

    spool      format     of these tables; a later one is not touched
    node       epoch      one life of one worker; never used twice
               key        which worker: an epoch that begins ends the earlier ones of its key
               name       the machine, for people
               batch      number of its last commit: says whether a commit took place whose answer was lost
               renewed    when it was heard of last, by the server's clock
               fenced     its leases are not its own any more
    message    id         never used twice, ascending by arrival for one worker
               arrived, size, crc, envelope   as in sqlite/schema.py
               body       the content; NULL: it is in chunks
               content    whose chunks
    chunk      content, number   the key; `octets` its piece of a content
    incoming   content    chunks that no message owns yet, and the epoch that is writing them
    job        message, number   the key; number 0 is the job that `append` makes
               lease      the epoch that has it; 0: nobody
               parent     number of the job that it will stand in for: it is staged; NULL: it is not
               damaged    why it does not read; such a job is nobody's, and stays
               due, count, recipients, route, attempts, detail, delayed, held, destination, since

A message has one job at least: the commit that removes its last job removes the message and its
chunks.  Two nodes that remove its last two jobs at once lock the message first, so one of them sees
that nothing is left.

Rows come and go: autovacuum is told to look often, for a table of a few rows with a million dead ones
is as slow as one of a million.  A content stays in its row up to 8 KB, and is never compressed: most
large ones are compressed already.
"""

from kairan.spool.postgresql.errors import ANY, SpoolDatabaseError, start_error
from kairan.spool.postgresql.sessions import SCHEMA, VERSION_MIN, Connection, SpoolServer
from kairan.spool.settings import Durability

FORMAT = 1
CHANNEL = "kairan_spool"
# Ids are taken in blocks: one question for a thousand messages.
ID_STEP = 1_000
# Any number that nobody else uses: two workers must not make the tables at once.
MAKING = 0x4B525350

_VACUUM = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000"
_TABLES = f"""
CREATE SCHEMA {SCHEMA};
CREATE TABLE {SCHEMA}.spool(format integer NOT NULL);
INSERT INTO {SCHEMA}.spool VALUES({FORMAT});
CREATE SEQUENCE {SCHEMA}.message_id INCREMENT BY {ID_STEP};
CREATE SEQUENCE {SCHEMA}.content_id;
CREATE TABLE {SCHEMA}.node(
    epoch bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, name text NOT NULL,
    batch bigint NOT NULL DEFAULT 0, renewed timestamptz NOT NULL DEFAULT clock_timestamp(),
    fenced boolean NOT NULL DEFAULT false) WITH (fillfactor = 50);
CREATE TABLE {SCHEMA}.message(
    id bigint PRIMARY KEY, arrived double precision NOT NULL, size bigint NOT NULL,
    crc bigint NOT NULL, envelope bytea NOT NULL, content bigint, body bytea)
    WITH (toast_tuple_target = 8160, {_VACUUM});
ALTER TABLE {SCHEMA}.message ALTER body SET STORAGE EXTERNAL;
CREATE TABLE {SCHEMA}.chunk(
    content bigint NOT NULL, number integer NOT NULL, octets bytea NOT NULL,
    PRIMARY KEY(content, number)) WITH ({_VACUUM});
ALTER TABLE {SCHEMA}.chunk ALTER octets SET STORAGE EXTERNAL;
CREATE TABLE {SCHEMA}.incoming(content bigint PRIMARY KEY, epoch bigint NOT NULL);
CREATE TABLE {SCHEMA}.job(
    message bigint NOT NULL, number integer NOT NULL, due double precision NOT NULL,
    count integer NOT NULL, attempts integer NOT NULL, delayed boolean NOT NULL,
    held boolean NOT NULL DEFAULT false, lease bigint NOT NULL DEFAULT 0, parent integer,
    damaged text NOT NULL DEFAULT '', route text NOT NULL, detail text NOT NULL,
    destination text NOT NULL, since double precision NOT NULL, recipients bytea,
    PRIMARY KEY(message, number)) WITH ({_VACUUM});
CREATE INDEX job_due ON {SCHEMA}.job(due, message, number)
    WHERE lease = 0 AND NOT held AND parent IS NULL AND damaged = '';
CREATE INDEX job_lease ON {SCHEMA}.job(lease) WHERE lease <> 0;
CREATE INDEX job_parent ON {SCHEMA}.job(message, parent) WHERE parent IS NOT NULL;
CREATE INDEX job_destination ON {SCHEMA}.job(destination, attempts, message, number)
    WHERE destination <> '' AND parent IS NULL;
"""
_HAS_TABLES = f"SELECT to_regclass('{SCHEMA}.spool') IS NOT NULL"
# Made by the first move (spool/moving/database.py).
_HAS_ORDERS = f"SELECT to_regclass('{SCHEMA}.moving') IS NOT NULL"
_DURABILITY = """
SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),
    current_setting('fsync')
"""
_DURABLE = ("local", "remote_write", "on", "remote_apply")
_REPLICATED = ("remote_write", "on", "remote_apply")


async def prepare(db: Connection, server: SpoolServer) -> None:
    """At a start: tables where there are none.  Raises SpoolDatabaseError."""
    try:
        await _prepare(db, server)
        await check_durability(db, server)
        if await db.fetchval("SELECT count(*) FROM pg_stat_replication") == 0:
            _refuse_without_standby(server)
    except ANY as error:
        raise start_error(error, server.place) from error


async def _prepare(db: Connection, server: SpoolServer) -> None:
    version = db.get_server_version().major
    if version < VERSION_MIN:
        raise SpoolDatabaseError(
            f"spool.url {server.place}: the server is PostgreSQL {version}; the spool needs "
            f"{VERSION_MIN} or later"
        )
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", MAKING)
        if not await db.fetchval(_HAS_TABLES):
            await db.execute(_TABLES)
    await check_format(db, server)


async def check_tables(db: Connection, server: SpoolServer) -> None:
    """For who only looks.  Raises SpoolDatabaseError."""
    if not await db.fetchval(_HAS_TABLES):
        raise SpoolDatabaseError(
            f"spool.url {server.place}: no service has made its queue there yet; start it, or correct "
            "the URL"
        )
    await check_format(db, server)


async def check_format(db: Connection, server: SpoolServer) -> None:
    """Raises SpoolDatabaseError where a later Kairan made the tables."""
    found = await db.fetchval(f"SELECT max(format) FROM {SCHEMA}.spool")  # noqa: S608 - ours
    if found != FORMAT:
        raise SpoolDatabaseError(
            f"spool.url {server.place}: the queue has format {found}, this Kairan knows format "
            f"{FORMAT}; run the version that wrote it, or name another database"
        )


async def check_not_moving(db: Connection, server: SpoolServer) -> None:
    """Raises SpoolDatabaseError where a move elsewhere was interrupted that may have taken place."""
    if not await db.fetchval(_HAS_ORDERS):
        return
    target = await db.fetchval(f"SELECT target FROM {SCHEMA}.moving")  # noqa: S608 - ours
    if target is not None:
        raise SpoolDatabaseError(
            f"spool.url {server.place}: the queue was being moved to {target}, which was interrupted; "
            f"say `kairan spool move` again"
        )


async def check_durability(db: Connection, server: SpoolServer) -> None:
    """Whether the server does what `durability` promises.  Raises SpoolDatabaseError."""
    if server.durability == Durability.OS:
        return
    commit, names, fsync = await db.fetchrow(_DURABILITY)
    wanted = server.durability
    if fsync == "off":
        raise SpoolDatabaseError(
            f"spool.url {server.place}: the server runs with fsync = off, so a 250 would not survive "
            f'a power cut; set fsync = on there, or durability = "os" here'
        )
    accepted = _DURABLE if wanted == Durability.FSYNC else _REPLICATED
    if commit not in accepted:
        raise SpoolDatabaseError(
            f'spool.url {server.place}: synchronous_commit is {commit}, and durability = "{wanted}" '
            f"needs {' or '.join(accepted)}; set it there: ALTER ROLE … SET synchronous_commit"
        )
    if wanted == Durability.REPLICATED and not names.strip():
        _refuse_without_standby(server)


def _refuse_without_standby(server: SpoolServer) -> None:
    if server.durability == Durability.REPLICATED:
        raise SpoolDatabaseError(
            f'spool.url {server.place}: durability = "replicated", and the server has no synchronous '
            "standby; set synchronous_standby_names there and start the standby"
        )
