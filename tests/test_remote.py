"""Servers that cannot be the record: one line that says why and what to do, and shows no password."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from benchmarks.record.client import OLDEST
from benchmarks.record.store import Store
from gan_zoo.errors import UserError

NAMES_THEM = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"


@contextmanager
def stub(version: str, status: int, body: str) -> Iterator[str]:
    """The address of a server that says its version, and gives one answer to all else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, text = (200, version) if self.path == "/version" else (status, body)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, *words: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def refusal(place: Path, uri: str) -> str:
    with pytest.raises(UserError) as caught:
        Store(place, uri).experiment("tiny")
    text = str(caught.value)
    assert "\n" not in text
    assert "secret" not in text
    return text


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, "You are not authenticated. Please see https://example.org"),
        (403, '{"error_code": "PERMISSION_DENIED", "message": "Permission denied"}'),
    ],
)
def test_who_is_not_let_in_hears_of_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    with stub("3.17.0", status, body) as place:
        assert NAMES_THEM in refusal(tmp_path, f"http://{place}")
        assert NAMES_THEM in refusal(tmp_path, f"http://me:secret@{place}")


def test_a_server_that_has_another_name_hears_that_option(tmp_path: Path) -> None:
    with stub("3.17.0", 403, "Invalid Host header - possible DNS rebinding attack detected") as place:
        said = refusal(tmp_path, f"http://me:secret@{place}")
    assert NAMES_THEM not in said
    assert said.endswith("start the server with --allowed-hosts '127.0.0.1:*', or call it by a name that it has there")


def test_a_server_that_is_older_hears_its_version(tmp_path: Path) -> None:
    with stub(f"{OLDEST - 1}.22.1", 200, "{}") as place:
        said = refusal(tmp_path, f"http://me:secret@{place}")
    assert said == f"http://me:***@{place}: the server runs MLflow 2.22.1: install 3.0 or later there, as is here"


def test_an_address_where_no_server_is_is_one_line(tmp_path: Path) -> None:
    said = refusal(tmp_path, "http://me:secret@127.0.0.1:1")
    assert said.endswith("start the tracking server, or correct or unset MLFLOW_TRACKING_URI")
