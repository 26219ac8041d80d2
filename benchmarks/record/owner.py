"""Who writes a run, as tags: another process on the same machine can then tell whether the writer still lives."""

import functools
import getpass
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

SAME_START = 60.0  # seconds by which two readings of one process's start may differ, as clocks are set


def owner_tags() -> dict[str, Any]:
    """This process: host, machine, process id and, because ids come again, the time it started (seconds since 1970)."""
    process = psutil.Process()
    own = {"pid": process.pid, "pid_started": process.create_time()}
    return {"host": socket.gethostname(), "machine": machine(), **own}


def process_text(tags: Mapping[str, Any]) -> str:
    """The process of `tags` in words."""
    return f"{tags['host']} (process {tags['pid']})"


@functools.cache
def machine() -> str:
    """A text that tells this machine, since its start, and this container from all others that may have its name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return socket.gethostname()


def owner_is_dead(tags: Mapping[str, Any]) -> bool:
    """True where the process of `tags` ran on this machine and is gone; another machine's processes count as alive."""
    return _is_here(tags) and _process(tags) is None


def end_process(tags: Mapping[str, Any]) -> None:
    """Ends the process of `tags` where it runs on this machine, and waits until it is gone; this very one, and another
    user's, are left alone."""
    process = _process(tags) if _is_here(tags) else None
    if process is not None and process.pid != os.getpid():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()
            process.wait()


def _is_here(tags: Mapping[str, Any]) -> bool:
    """Whether the process of `tags` is or was one of this machine's."""
    if tags.get("machine"):
        return bool(tags["machine"] == machine())
    return bool(tags.get("host") == socket.gethostname())


def _process(tags: Mapping[str, Any]) -> psutil.Process | None:
    """The process of `tags`, which is or was one of this machine's; None where it is gone."""
    try:
        process = psutil.Process(int(tags["pid"]))
        another = abs(process.create_time() - float(tags["pid_started"])) > SAME_START
        return None if another or process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:  # also where it ends between two questions
        return None


def user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
