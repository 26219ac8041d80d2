"""Storage that is away for a while: said at once, waited for, and given up with a remedy.

Away is a server that does not answer, a database that is locked, moved or full, a folder that cannot be written. What
a record refuses for another reason (a run that it does not have, a name that it does not take) is no matter of time.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from gan_zoo.errors import UserError, brief

T = TypeVar("T")

SECONDS, VARIABLE = 1800.0, "GAN_ZOO_PATIENCE"
"""How long is waited, where this environment variable, in seconds, does not say otherwise."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds
USER_INFO = re.compile(r"(://[^\s/@:]*:)\S*@")
"""What begins as a user with a password; of host:5000/a@b nobody can tell that it is none."""
QUERY = re.compile(r"([?&][a-z]*(?:password|passwd|token|secret)=)[^&\s]*", re.IGNORECASE)
TRANSIENT = ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED")
"""MLflow's codes of what may succeed when it is tried again."""
REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED")
"""Those of what no waiting changes."""
MISSING = "RESOURCE_DOES_NOT_EXIST"
ANOTHER = "deleted there, or another record is in its place: bring it back, or give the same command again"
REQUEST = r"API request to .*? failed with exception (.*)"
"""What MLflow puts around an error of `requests`, which puts `Caused by` around one of urllib3's."""
KEEP_FILES = ("log_artifact", "log_dict", "log_text")
"""Calls that ask the record nothing; `log_image` tells it that there are pictures."""


def seconds() -> float:
    """How long is waited. Raises: UserError where GAN_ZOO_PATIENCE is no number of seconds."""
    text = os.environ.get(VARIABLE) or str(SECONDS)
    with suppress(ValueError):
        if (wanted := float(text)) >= 0:
            return wanted
    raise UserError(f"{VARIABLE}: expected a number of seconds, as 600, got {brief(text)}: correct or unset it")


class Away(UserError):
    """Storage that did not come back in time. What was not sent waits in the folders of the runs."""


class Gone(UserError):
    """A record that has no longer what was written to it: another one, or an older copy, is in its place."""


class Patience:
    """Tries what fails because storage is away again, until it is back.

    `place` is what people call the record, `say` hears when it is away and when it is back, and an empty line at each
    try between; `reset` is called before another try.
    """

    def __init__(self, place: str, say: Callable[[str], None], reset: Callable[[], object] = int) -> None:
        self.place, self.say, self.reset = place, say, reset
        self.limit = self.longest = seconds()
        self.since: float | None = None

    def __call__(self, action: Callable[[], T]) -> T:
        """The result of `action`, as soon as storage lets it. Raises: Away where that takes too long."""
        started, pause = time.monotonic(), FIRST_PAUSE
        while True:
            with suppress(Away):
                return self.once(action)
            if time.monotonic() - started > self.limit:
                raise Away(f"{self.place}: away for too long ({VARIABLE}); the same command goes on from here")
            self.say("")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def once(self, action: Callable[[], T]) -> T:
        """The result of `action`. Raises: Away where storage is, which is said the first time."""
        try:
            result = action()
        except Exception as failure:
            if not is_away(failure):
                raise
            self.reset()
            if self.since is None:
                self.since = time.time()
                now = time.strftime("%H:%M:%S")
                wait = f"what is not sent waits beside the checkpoints, for up to {self.longest:.0f} s where it must"
                self.say(f"{self.place}: away since {now} ({first_line(failure)}): {wait}")
            raise Away(f"{self.place}: away") from None
        if self.since is not None:
            self.say(f"{self.place}: back after {time.time() - self.since:.0f} s")
            self.since = None
        return result


class PatientClient:
    """An MLflow client all of whose calls are made with patience: those that keep files with that of `files`, whose
    storage may be away alone, or be there alone."""

    def __init__(self, client: Any, patience: Patience, files: Patience) -> None:
        self._client, self._patience, self._files = client, patience, files

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if not callable(attribute):
            return attribute
        patience = self._files if name in KEEP_FILES else self._patience

        def ask(*words: Any, **named: Any) -> Any:
            try:
                return patience(lambda: attribute(*words, **named))
            except Exception as failure:
                if getattr(failure, "error_code", "") != MISSING:
                    raise
                raise Gone(f"{patience.place}: {first_line(failure)}: {ANOTHER}") from None

        return ask


def is_away(failure: BaseException) -> bool:
    """Whether something failed because storage is away."""
    from mlflow.exceptions import MlflowException, RestException
    from sqlalchemy.exc import DatabaseError, IntegrityError

    if isinstance(failure, MlflowException) and failure.__cause__ is None:
        if str(failure).startswith("API request to ") and not isinstance(failure, RestException):
            return failure.error_code not in REFUSED  # no answer, or the page of something in the server's place
        return failure.error_code in TRANSIENT
    cause = failure.__cause__ if isinstance(failure, MlflowException) else failure
    return isinstance(cause, DatabaseError | OSError) and not isinstance(cause, IntegrityError)


def first_line(failure: BaseException) -> str:
    """The first line of an error that says something, without what SQLAlchemy puts around it."""
    cause = failure.__cause__ if failure.__cause__ is not None else failure
    text = str(getattr(cause, "orig", None) or getattr(cause, "strerror", None) or cause or type(cause).__name__)
    if within := re.search(r"\(Caused by (.*)\)", text) or re.match(REQUEST, text):
        text = within[1]
    return without_password(" ".join(text.strip().split("\n")[0].split())[:200])


@contextmanager
def impatient(patience: Patience) -> Iterator[None]:
    """Within it, storage that is away is not waited for. Raises: Away."""
    limit, patience.limit = patience.limit, -1.0
    try:
        yield
    finally:
        patience.limit = limit


@contextmanager
def at_most_once(patience: Patience) -> Iterator[None]:
    """Within it, what cannot be sent because storage is away, or is another one, is left out, without waiting."""
    with suppress(Away, Gone), impatient(patience):
        yield


def without_password(text: str) -> str:
    """A text whose addresses show no password: postgresql://me:***@host/db."""
    return QUERY.sub(r"\1***", USER_INFO.sub(r"\1***@", text))
