"""An issuer that gives numbered tokens to whoever asks with client credentials, and counts them.

with TokenSource() as source:
    settings = source.identity(folder, "hve", user="hve@example.com")   # an [[identity]]
"""

import http.server
import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit


class TokenSource:
    """`life_seconds`: of each token."""

    def __init__(self, *, life_seconds: int = 3_600) -> None:
        self.life_seconds = life_seconds
        self.given = 0
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.name = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def identity(self, folder: Path, name: str, *, user: str) -> str:
        secret = folder / f"{name}.secret"
        secret.write_text("geheim\n")
        given = {
            "name": name,
            "user": user,
            "kind": "oidc",
            "issuer": self.name,
            "client_id": "app",
            "client_secret_file": str(secret),
        }
        lines = (f"{key} = {json.dumps(value)}\n" for key, value in given.items())
        return f"\n[[identity]]\n{''.join(lines)}"

    def token(self) -> str:
        with self._lock:
            self.given += 1
            return f"token-{self.given}"


def _handler(source: TokenSource) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"issuer": source.name, "token_endpoint": f"{source.name}/token"})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            assert urlsplit(self.path).path == "/token"
            life = source.life_seconds
            self._answer({"access_token": source.token(), "expires_in": life})

        def _answer(self, what: dict[str, object]) -> None:
            body = json.dumps(what).encode()
            with suppress(ConnectionError):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
