"""Whether it is MLflow that answers: a page of something in its place, sent as if all were well, is no answer.

MLflow's client takes an empty page for the word that a record has kept what it was sent, and any page at all for the
word that it has kept a file.
"""

from functools import wraps
from typing import Any

FILES = "/mlflow-artifacts/"
"""In the address of what is asked about files."""


def refuse_pages() -> None:
    """Has MLflow's client fail, as if nothing had answered, where the answer of a server is no answer of MLflow's."""
    from mlflow.utils import request_utils

    original = request_utils._get_request_session
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def session(*words: Any, **named: Any) -> Any:
        found = original(*words, **named)
        if refuse_page not in found.hooks["response"]:  # it is kept for the next request
            found.hooks["response"].append(refuse_page)
        return found

    request_utils._get_request_session = session


def refuse_page(response: Any, **_: Any) -> None:
    """Raises: OSError for a web page, and for nothing at all where it is not about a file, that may have been kept."""
    if response.status_code != 200:  # MLflow's client looks at these
        return
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise OSError("a web page answers in the place of MLflow")
    if FILES not in response.url and not response.content.strip():
        raise OSError("nothing answers in the place of MLflow")
