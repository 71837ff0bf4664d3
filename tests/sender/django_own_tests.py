"""Django's own tests of its SMTP backend, with ours in its place: python FILE FOLDER-OF-DJANGO'S-TESTS

Run as a program of its own, for Django keeps its settings in the process.  The server is ours too,
in the shape of aiosmtpd's `Controller`, which those tests start.
"""

import asyncio
import json
import sys
import threading
import types
import unittest
from pathlib import Path

import django
from django.conf import settings

from kairan.testing.peer import Say, ScriptedPeer

# Tests that are about smtplib's object, or about what we do otherwise on purpose.
LEFT_OUT = {
    "test_auth_attempted": "opens a connection to see smtplib's words; ours opens with a message",
    "test_email_msg_uses_crlf": "puts a mock into smtplib",
    "test_email_ssl_certfile_override_settings": "a client's certificate is refused, not ignored",
    "test_email_ssl_certfile_use_settings": "likewise",
    "test_email_ssl_keyfile_override_settings": "likewise",
    "test_email_ssl_keyfile_use_settings": "likewise",
    "test_email_ssl_attempts_ssl_connection": "as test_auth_attempted",
    "test_email_tls_attempts_starttls": "as test_auth_attempted",
    "test_connection_timeout_custom": "looks at smtplib's connection",
    "test_fail_silently_on_connection_error": "as test_auth_attempted",
    "test_lazy_addresses": "senders and recipients without a domain (RFC 5321 section 4.1.2)",
    "test_recipient_without_domain": "likewise",
    "test_reopen_connection": "looks at smtplib's connection",
    "test_reopen_replaces_partial_connection": "looks at smtplib's connection",
    "test_send_messages_after_open_failed": "puts a mock in place of smtplib's connection",
    "test_server_open": "looks at smtplib's connection",
    "test_ssl_tls_mutually_exclusive": "wants Django's sentence; ours is another",
}


class Envelope:
    def __init__(self, message):
        self.content = message.content
        self.mail_from = address_in(message.sender)
        self.rcpt_tos = [address_in(one) for one in message.recipients]


def address_in(text):
    return text[text.index("<") + 1 : text.index(">")]


class Handled(ScriptedPeer):
    def __init__(self, handler):
        super().__init__(capabilities=("SIZE 33554432", "8BITMIME"))
        self.handler = handler

    async def _answer(self, session, verb, *, default=None):
        if verb != "DOT":
            return await super()._answer(session, verb, default=default)
        said = await self.handler.handle_DATA(None, None, Envelope(self.messages[-1]))
        return await self._act(session, [Say(said)])


class Controller:
    """aiosmtpd's, as far as Django's tests use it."""

    def __init__(self, handler, hostname, port):
        self.hostname, self.port = hostname, port
        self.peer = Handled(handler)
        self.peer.port = port
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def start(self):
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.peer.start(), self.loop).result()

    def stop(self):
        asyncio.run_coroutine_threadsafe(self.peer.stop(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


def main(folder: Path) -> None:
    fake = types.ModuleType("aiosmtpd.controller")
    fake.Controller = Controller
    sys.modules |= {"aiosmtpd": types.ModuleType("aiosmtpd"), "aiosmtpd.controller": fake}
    sys.path.insert(0, str(folder))
    settings.configure(SECRET_KEY="x", USE_TZ=True)
    django.setup()
    from kairan.sender.adapters import django as ours
    from mail import tests

    tests.smtp = ours
    tests.SMTPBackendTests.email_backend = f"{ours.__name__}.EmailBackend"
    suite = unittest.TestSuite()
    left_out = set()
    for case in (tests.SMTPBackendTests, tests.SMTPBackendStoppedServerTests):
        for one in unittest.defaultTestLoader.loadTestsFromTestCase(case):
            name = one.id().rpartition(".")[2]
            if name in LEFT_OUT:
                left_out.add(name)
            else:
                suite.addTest(one)
    result = unittest.TextTestRunner(stream=sys.stderr).run(suite)
    answer = {
        "run": result.testsRun,
        "skipped": len(result.skipped),
        "failed": [str(one) for one, _ in (*result.failures, *result.errors)],
        "left out": sorted(left_out),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
