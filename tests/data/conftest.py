"""Shared by tests of data files: a process without a data folder, and a web server."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest


@pytest.fixture
def no_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("TINYGAN_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server for the folder tmp_path/"web" -> (its address, the folder, the paths asked for)."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    (tmp_path / "web").mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path / "web")) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", tmp_path / "web", asked
        server.shutdown()
        thread.join()
