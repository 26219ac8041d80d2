"""A page of something else in the place of MLflow's server: waited for as a server that is away, whatever it says."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

from benchmarks.record.patience import Away, impatient, is_away
from benchmarks.record.store import Store
from gan_zoo.errors import UserError

Answer = tuple[int, str, bytes]
"""Status, content type, body."""
NOTHING_TO_SAY: Answer = (200, "application/json", b"{}")
"""MLflow's own answer where it has done what it was asked, or has found nothing."""
LOGIN: Answer = (200, "text/html; charset=utf-8", b"<html>please log in</html>")


class Page(BaseHTTPRequestHandler):
    """Answers everything alike."""

    answer = NOTHING_TO_SAY
    more: dict[str, str] = {}  # noqa: RUF012 (put in by a test)

    def answer_it(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, kind, body = LOGIN if self.path == "/login" else type(self).answer
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **type(self).more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer_it

    def log_message(self, *words: Any) -> None:
        """Says nothing."""


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Page]]:
    """What answers at `page.uri`."""
    kind = type("OwnPage", (Page,), {"more": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        kind.uri = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield kind
        server.shutdown()
        thread.join()


PAGES: dict[str, Answer] = {
    "log in": LOGIN,
    "not found": (404, "text/html", b"<html>404</html>"),
    "bad gateway": (502, "text/html", b"<html>502</html>"),
    "another program's 404": (404, "application/json", b'{"detail": "Not Found"}'),
    "too many": (429, "text/plain", b"later"),
}


@pytest.mark.parametrize("name", [*PAGES, "nothing", "a list", "sent to log in"])
def test_what_is_sent_is_not_taken_for_kept(tmp_path: Path, page: Any, name: str) -> None:
    client = Store(tmp_path, page.uri)._client
    pages = {
        **PAGES,
        "nothing": (200, "application/json", b""),
        "a list": (200, "application/json", b"[1]"),
        "sent to log in": (302, "text/html", b""),
    }
    page.answer, page.more = pages[name], {"Location": "/login"}
    with impatient(client._patience), pytest.raises(Away):  # type: ignore[attr-defined]
        client.log_metric("0", "emd", 1.0)
    page.answer = NOTHING_TO_SAY
    client.log_metric("0", "emd", 1.0)


@pytest.mark.parametrize("name", [*PAGES, "sent to log in"])
def test_a_file_is_not_taken_for_kept_or_fetched(tmp_path: Path, page: Any, name: str) -> None:
    assert Store(tmp_path, page.uri)._client
    files = HttpArtifactRepository(f"{page.uri}/api/2.0/mlflow-artifacts/artifacts/run")
    (tmp_path / "x").write_text("hello")
    files.log_artifact(str(tmp_path / "x"))
    page.answer = (200, "application/octet-stream", b"")  # MLflow's own for a file that is kept, and an empty one's
    files.log_artifact(str(tmp_path / "x"))
    files._download_file("x", str(tmp_path / "y"))
    assert (tmp_path / "y").read_bytes() == b""
    page.answer, page.more = PAGES.get(name, (302, "text/html", b"")), {"Location": "/login"}
    place = str(tmp_path / "x")
    for ask in (lambda: files.log_artifact(place), lambda: files._download_file("x", place)):
        with pytest.raises((MlflowException, OSError)) as failure:
            ask()
        assert is_away(failure.value)


def test_a_page_that_asks_for_an_hour_is_said_to_be_away_at_once(
    tmp_path: Path, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    page.answer, page.more = (503, "text/html", b"<html>maintenance</html>"), {"Retry-After": "3600"}
    with pytest.raises(UserError, match="too many 503 error responses"):
        Store(tmp_path, page.uri).experiment("toy")
    assert 3600 not in slept
