"""The server of the lab: who is answered, and what is served."""

import http.client
import json
import socket
import struct

import pytest

from tinygan.lab.server import FILES, MOST_BYTES, serve_lab


@pytest.fixture(scope="module")
def server():
    with serve_lab() as server:
        server.start()
        yield server
        server.shutdown()


def ask(server, method, path, body=None, **headers):
    """Return (status, headers, body) of a request; {token} in the path is the secret."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    headers = {name.replace("_", "-"): value.format(port=server.server_port) for name, value in headers.items()}
    connection.putrequest(method, path.replace("{token}", server.token), skip_host="Host" in headers)
    if body is not None:
        headers.setdefault("Content-Length", str(len(body)))
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    found = response.status, response.headers, response.read()
    connection.close()
    return found


def test_it_listens_on_this_machine_alone(server):
    assert server.socket.getsockname()[0] == "127.0.0.1" and server.url.startswith("http://127.0.0.1:")


def test_each_server_has_a_secret_of_its_own(server):
    with serve_lab() as other:
        assert other.token != server.token and len(other.token) >= 20


@pytest.mark.parametrize("name", FILES)
def test_the_front_end_is_served(server, name):
    status, headers, body = ask(server, "GET", f"/{{token}}/{name}")
    assert status == 200 and len(body) > 300 and headers["Content-Type"] == FILES[name][1]
    assert "default-src 'none'" in headers["Content-Security-Policy"] and headers["X-Content-Type-Options"] == "nosniff"


def test_a_question_is_answered(server):
    status, _, body = ask(server, "POST", "/{token}/ask", json.dumps({"do": "show", "tab": "plane"}).encode())
    (length,) = struct.unpack("<I", body[:4])
    assert status == 200 and json.loads(body[4 : 4 + length])["k"] == 0


ORIGIN = "http://127.0.0.1:{port}"
ACCESS = [
    (403, "GET", "/", {}),
    (403, "GET", "/lab.js", {}),
    (403, "GET", "/wrong/lab.js", {}),
    (403, "GET", "/%00/", {}),
    (403, "POST", "/ask", {}),
    (403, "POST", "/wrong/ask", {}),
    (403, "GET", "/{token}/", {"Host": "example.org"}),
    (403, "GET", "/{token}/", {"Host": "127.0.0.1:1"}),
    (403, "GET", "/{token}/", {"Host": "example.org:{port}"}),
    (403, "POST", "/{token}/ask", {"Origin": "http://example.org"}),
    (403, "POST", "/{token}/ask", {"Origin": "null"}),
    (403, "POST", "/{token}/ask", {"Origin": "https://127.0.0.1:{port}"}),
    (403, "POST", "/{token}/ask", {"Origin": "http://127.0.0.1:{port}.example.org"}),
    (200, "POST", "/{token}/ask", {"Origin": ORIGIN}),
    (200, "POST", "/{token}/ask", {"Origin": "http://localhost:{port}", "Host": "localhost:{port}"}),
    (404, "GET", "/{token}/../../etc/passwd", {}),
    (404, "GET", "/{token}/../session.py", {}),
    (404, "GET", "/{token}/session.py", {}),
    (404, "GET", "/{token}/..%2f..%2fetc%2fpasswd", {}),
    (404, "GET", "/{token}//etc/passwd", {}),
    (403, "GET", "//etc/passwd", {}),
    (404, "POST", "/{token}/lab.js", {}),
    (501, "DELETE", "/{token}/lab.js", {}),
]


@pytest.mark.parametrize("status, method, path, headers", ACCESS, ids=lambda v: str(v))
def test_access(server, status, method, path, headers):
    body = json.dumps({"do": "show", "tab": "plane"}).encode() if method == "POST" else None
    found, _, content = ask(server, method, path, body, **headers)
    assert found == status
    if status != 200:
        assert server.token.encode() not in content and b"root:" not in content


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"null", b'{"tab": "x"}', b"\xff\xfe"])
def test_what_is_no_question_is_refused(server, body):
    assert ask(server, "POST", "/{token}/ask", body)[0] == 400


@pytest.mark.parametrize("length", [str(MOST_BYTES + 1), "-1", "x", "9" * 30])
def test_a_question_that_is_too_long_is_not_read(server, length):
    assert ask(server, "POST", "/{token}/ask", b"", Content_Length=length)[0] == 413


def test_one_that_says_nothing_does_not_hold_up_others(server):
    with socket.create_connection(("127.0.0.1", server.server_port)) as idle:
        idle.sendall(b"GET /")
        assert ask(server, "GET", "/{token}/lab.css")[0] == 200
