"""The page of its own: a server for this machine alone, made of Python's http.server.

It listens on 127.0.0.1. Its address has a secret, drawn anew each time: who does not know it gets 403, and so does a page of
another site that a browser sends here (a foreign Host or Origin). It serves the files that are named below and nothing else.
The page asks with POST, and an answer is JSON and arrays in one block (`session.pack`).
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tinygan.lab.live import Live
from tinygan.lab.session import FOLDER, Session, facts, pack, split, words

HOST = "127.0.0.1"
MOST_BYTES = 1 << 20  # of a question: a drawing of 100 lines has half of it
PATIENCE = 60.0  # seconds that an idle connection is kept
FILES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "lab.js": ("lab.js", "text/javascript; charset=utf-8"),
    "lab.css": ("lab.css", "text/css; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}  # fmt: skip


class Server(ThreadingHTTPServer):
    """Serves the page, and what `answer(message)` returns: (JSON, bytes). One question is answered at a time."""

    daemon_threads = True
    session: Session  # of the lab

    def __init__(self, answer: Any, told: dict, port: int = 0):
        super().__init__((HOST, port), Handler)
        self.answer, self.told, self.token = answer, told, secrets.token_urlsafe(16)
        self.one_at_a_time = threading.Lock()

    @property
    def url(self) -> str:
        """Return the address of the page, with the secret."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def start(self) -> threading.Thread:
        """Serve in a thread of its own, which ends with the process."""
        thread = threading.Thread(target=self.serve_forever, name="tinygan lab", daemon=True)
        thread.start()
        return thread

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a page that was closed while it was answered; all else is printed."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def serve_lab(port: int = 0) -> Server:
    """Return the server of the playground, which does not serve yet. OSError if the port is taken."""
    session = Session()
    told = {"view": "lab", "words": words(), "facts": facts()}
    server = Server(lambda message: split(*session.answer(message)), told, port)
    server.session = session
    return server


def serve_run(folder: Any, port: int = 0) -> Server:
    """Return the server of the page of a run, which does not serve yet. RunError if there is no run."""
    return Server(Live(folder).answer, {"view": "run", "words": words()}, port)


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    server_version, sys_version = "tinygan", ""
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Serve a file of the front end."""
        path = self._allowed()
        if path is None:
            return
        if path == "told.json":
            self._send(200, json.dumps(self.server.told).encode(), "application/json")
        elif path in FILES:
            name, kind = FILES[path]
            self._send(200, (FOLDER / name).read_bytes(), kind)
        else:
            self._refuse(404, "there is nothing here")

    def do_POST(self) -> None:
        """Answer a question."""
        path = self._allowed()
        if path is None:
            return
        length = self.headers.get("Content-Length", "")
        if path != "ask" or not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True  # what was sent is not read
            self._refuse(404 if path != "ask" else 413, "a question is JSON of at most a megabyte, sent to ask")
            return
        try:
            message = json.loads(self.rfile.read(int(length)))
            with self.server.one_at_a_time:
                header, block = self.server.answer(message)
        except (ValueError, RecursionError) as error:  # JSON that is none, nested without end, or not a question
            self._refuse(400, str(error))
            return
        self._send(200, pack(header, block), "application/octet-stream")

    def _allowed(self) -> str | None:
        """Return what is asked for behind the secret; None if 403 was sent."""
        port = self.server.server_port
        hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        origin = self.headers.get("Origin")
        _, token, *rest = self.path.split("?")[0].split("/", 2) + [""]
        known = secrets.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode())
        if known and self.headers.get("Host") in hosts and origin in (None, *(f"http://{host}" for host in hosts)):
            return rest[0]
        self.close_connection = True
        self._refuse(403, "open the whole address that `tinygan` printed, secret and all")
        return None

    def _refuse(self, code: int, sentence: str) -> None:
        self._send(code, sentence.encode(), "text/plain; charset=utf-8")

    def _send(self, code: int, body: bytes, kind: str) -> None:
        self.send_response(code)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing of each request."""
