"""Who writes a run, as tags: another process on the same host can then tell whether the writer still lives."""

import getpass
import socket
from collections.abc import Mapping
from typing import Any

import psutil

SAME_START = 60.0  # seconds by which two readings of one process's start may differ, as clocks are set


def owner_tags() -> dict[str, Any]:
    """This process: host, process id and, because ids come again, the time it started (seconds since 1970)."""
    process = psutil.Process()
    return {"host": socket.gethostname(), "pid": process.pid, "pid_started": process.create_time()}


def owner_is_dead(tags: Mapping[str, str]) -> bool:
    """True where the process of `tags` ran on this host and is gone; another host's processes count as alive."""
    if tags.get("host") != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(tags["pid"]))
        started = process.create_time()
    except psutil.NoSuchProcess:
        return True
    return process.status() == psutil.STATUS_ZOMBIE or abs(started - float(tags["pid_started"])) > SAME_START


def user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
