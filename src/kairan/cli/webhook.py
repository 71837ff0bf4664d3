"""kairan webhook: programs that are told by HTTP what became of mail."""

import asyncio
import time
from typing import Annotated

import typer

from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, print_json_list, print_record, print_table, say
from kairan.cli.times import moment
from kairan.config.model import Configuration
from kairan.webhooks.hook import TOLD_EVENTS, Webhook, WebhookEvent, shown_host
from kairan.webhooks.place import open_webhooks
from kairan.webhooks.reading import cursors_now
from kairan.webhooks.sending import WebhookAnswer, body_of, webhook_sender
from kairan.webhooks.told import of_test

app = group_of_commands("Webhooks: programs that are told what became of mail.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The webhook's name.")]
_NOT_TAKEN = 1  # exit code


@app.command(
    "add",
    epilog=examples(
        "kairan webhook add shop https://shop.example.com/mail-events",
        "kairan webhook add pager https://pager.example.com/in --event failed --event queue-too-old",
    ),
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name for people.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the events are sent.")],
    event: Annotated[
        list[WebhookEvent] | None,
        typer.Option(help="Of what it is to hear; repeats; without one of all.", metavar="EVENT"),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a webhook and print its secret, this once.

    Events are delivered, failed, dropped, delayed, queue-too-old and device-quiet, from now on.  The
    secret signs each request: docs/webhooks.md shows how to check it.
    """
    configuration = read_configuration(config)
    events = [one for one in event or TOLD_EVENTS if one is not WebhookEvent.TEST]
    now = time.time()
    with open_webhooks(configuration) as store:
        hook = store.add(name, url, events, cursors_now(configuration.trace_directory, now), now)
    tell(configuration, "webhook.add", name=name, host=shown_host(url), events=sorted(hook.events))
    if as_json:
        print_json({**_record(hook, 0), "secret": hook.secret})
        return
    print_record(name, {"secret": hook.secret, "events": ", ".join(sorted(hook.events))})
    if not configuration.webhooks.enabled:
        say(
            "note: [webhooks] is not enabled; write `enabled = true` there, and start the service anew"
        )


@app.command("list", epilog=examples("kairan webhook list", "kairan webhook list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the webhooks: what each was told, what waits, and what it answered last."""
    configuration = read_configuration(config)
    now = time.time()
    with open_webhooks(configuration) as store:
        found = [(one, store.waiting(one.number, now).everything) for one in store.everyone()]
    if as_json:
        print_json_list(_record(hook, waiting) for hook, waiting in found)
        return
    rows = (
        (
            hook.name,
            hook.url,
            ", ".join(sorted(hook.events)),
            hook.sent,
            waiting,
            hook.dropped,
            hook.last_answer,
            moment(int(hook.next_try)) if hook.failures else "",
        )
        for hook, waiting in found
    )
    columns = ("name", "url", "events", "sent", "waiting", "dropped", "last answer", "next try")
    print_table(columns, rows, nothing="no webhooks")


@app.command("remove", epilog=examples("kairan webhook remove shop"))
def remove(
    name: NameArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a webhook; what waits for it is not sent any more."""
    configuration = read_configuration(config)
    with open_webhooks(configuration) as store:
        store.remove(name)
    tell(configuration, "webhook.remove", name=name)
    if as_json:
        print_json({"removed": name})
    else:
        say(f"{name} is removed")


@app.command("test", epilog=examples("kairan webhook test shop"))
def send_test(
    name: NameArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a webhook an event `test` now.

    Signed as all others, once; the exit code is 0 when it was taken.
    """
    configuration = read_configuration(config)
    with open_webhooks(configuration) as store:
        hook = store.find(name)
    answer = asyncio.run(_tested(configuration, hook))
    if as_json:
        print_json({"taken": answer.is_taken, "answer": answer.text})
    else:
        say(f"{name}: {'taken' if answer.is_taken else 'not taken'}: {answer.text}")
    if not answer.is_taken:
        raise typer.Exit(_NOT_TAKEN)


async def _tested(configuration: Configuration, hook: Webhook) -> WebhookAnswer:
    now = time.time()
    event = of_test(configuration.hostname, hook.name, now)
    body = body_of(configuration.hostname, [event.body])
    async with webhook_sender(configuration.webhooks) as sender:
        return await sender.post(hook.url, hook.secret, body, int(now))


def _record(hook: Webhook, waiting: int) -> dict[str, object]:
    return {
        "name": hook.name,
        "url": hook.url,
        "events": sorted(hook.events),
        "created": int(hook.created),
        "sent": hook.sent,
        "waiting": waiting,
        "dropped": hook.dropped,
        "failures": hook.failures,
        "last_answer": hook.last_answer,
    }
