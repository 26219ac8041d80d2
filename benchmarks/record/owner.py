"""Who writes a run, as tags: another process on the same machine can then tell whether the writer still lives."""

import functools
import getpass
import os
import socket
from collections.abc import Mapping
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
    here = tags["machine"] == machine() if tags.get("machine") else tags.get("host") == socket.gethostname()
    if not here:
        return False
    try:
        process = psutil.Process(int(tags["pid"]))
        another = abs(process.create_time() - float(tags["pid_started"])) > SAME_START
        return another or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # also where it ends between two questions
        return True


def user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
