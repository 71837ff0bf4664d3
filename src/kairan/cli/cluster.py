"""kairan cluster: the nodes that share a spool, from any of them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, print_json_list, print_table, say
from kairan.config.model import Configuration
from kairan.runtime.counted import counted
from kairan.spool.postgresql.nodes import ClusterNode, ClusterView
from kairan.status.gather import moment
from kairan.trace.commands import by_whom

app = group_of_commands("The nodes that share a spool in PostgreSQL.")

NodeArgument = Annotated[str, typer.Argument(metavar="NODE", help="Its host name or its id.")]
_ASK_SECONDS = 0.5
NOT_DONE = 1  # the exit code where waiting ended before the node had done so


@app.command("status", epilog=examples("kairan cluster status", "kairan cluster status --json"))
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the nodes, who is alive, and what each has leased.

    A node whose state is silent has not renewed its epochs lately; after spool.fence_seconds the others take what it had leased, and it is fenced.
    """
    with _view(read_configuration(config)) as view:
        nodes = view.nodes()
    if as_json:
        print_json_list(nodes)
        return
    columns = ("node", "state", "since", "heard of", "epochs", "leased jobs", "recipients", "id")
    print_table(columns, map(_row, nodes), nothing="no node has used this spool")


@app.command(
    "drain",
    epilog=examples(
        "kairan cluster drain b.example.com --wait 300",
        "kairan cluster drain b.example.com --end",
    ),
)
def drain(
    node: NodeArgument,
    end: Annotated[bool, typer.Option("--end", help="It takes mail again.")] = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="Wait so long for it to have nothing leased.")
    ] = 0.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move a node's work to the others.

    Its clients hear 421 and come in elsewhere; what it is delivering it finishes, and what waits is left to the others. As kairan drain begin on that machine: it outlives restarts until --end. With --wait, exits with 1 where it has leases at the end.
    """
    configuration = read_configuration(config)
    with _view(configuration) as view:
        found = view.find(node)
        view.order(found, drains=not end, by=by_whom())
        tell(configuration, "cluster.drain-end" if end else "cluster.drain", node=found.name)
        left = found if end else _wait_drained(view, found, wait)
    if as_json:
        print_json({"node": left.name, "state": left.state, "drains": not end, "jobs": left.jobs})
    else:
        say(f"{left.name} takes mail again" if end else _said(left))
    if wait and not end and (left.jobs or left.state == "alive"):
        raise typer.Exit(NOT_DONE)


@app.command("forget", epilog=examples("kairan cluster forget b.example.com"))
def forget(node: NodeArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Free the leases of a dead node at once.

    The others would take them after spool.fence_seconds. A node that is alive is refused. One that only stood still and comes back goes on under new epochs; what it had in hand may come twice.
    """
    configuration = read_configuration(config)
    with _view(configuration) as view:
        found = view.find(node)
        jobs = view.forget(found)
    tell(configuration, "cluster.forget", node=found.name, jobs=jobs)
    if as_json:
        print_json({"node": found.name, "jobs": jobs})
    else:
        say(f"{found.name} is forgotten; {counted(jobs, 'leased job')} free for the others")


@contextmanager
def _view(configuration: Configuration) -> Iterator[ClusterView]:
    urls = configuration.spool.urls
    if not urls:
        raise BadInputError(
            "there is no cluster: [spool] url is not set, the queue is this machine's"
        )
    with ClusterView(urls) as view:
        yield view


def _wait_drained(view: ClusterView, node: ClusterNode, seconds: float) -> ClusterNode:
    until = time.monotonic() + seconds
    while (node.jobs or node.state == "alive") and time.monotonic() < until:
        time.sleep(_ASK_SECONDS)
        node = view.find(node.id)
    return node


def _said(node: ClusterNode) -> str:
    if node.state == "draining" and not node.jobs:
        return f"{node.name} is drained"
    return f"{node.name} is told to drain; {counted(node.jobs, 'leased job')} left"


def _row(node: ClusterNode) -> tuple[object, ...]:
    since = moment(node.since) if node.since is not None else "?"
    epochs = ", ".join(map(str, node.epochs))
    heard = f"{node.silent_seconds:.1f} s ago"
    return (node.name, node.state, since, heard, epochs, node.jobs, node.recipients, node.id)
