"""Where a service's webhooks are: in its own folder, or with the queue that it shares."""

from kairan.config.model import Configuration
from kairan.spool.place import node_id
from kairan.webhooks.store import WebhookStore


def open_webhooks(configuration: Configuration) -> WebhookStore:
    """A context manager, or `close` it."""
    urls = configuration.spool.urls
    if not urls:
        return WebhookStore.of_folder(configuration.webhooks_directory)
    # Here, not above: a service without a database need not have its driver.
    from kairan.webhooks.shared import SharedWebhooks  # noqa: PLC0415

    return WebhookStore(SharedWebhooks(urls[0]), node_id(configuration.spool_directory))
