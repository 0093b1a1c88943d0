"""Names for unfinished work that tell whether its writer still lives."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import secrets
import time
from pathlib import Path

from ifbench.core.identity import digest

DAY_SECONDS = 86_400


def scratch_name() -> str:
    """A new name, unique everywhere, that carries this process: `<place>-<pid>-<random>`."""
    return f"{_place()}-{os.getpid()}-{secrets.token_hex(6)}"


def is_abandoned(path: Path, name: str) -> bool:
    """Whether nobody will finish what lies at `path` under a name made by `scratch_name`.

    A writer of this machine, since it started and in this container, is asked for by its process id. Where process
    ids mean nothing to us, the path counts as abandoned when it was last changed a day ago.
    """
    place, _, rest = name.partition("-")
    pid = rest.partition("-")[0]
    if place == _place() and pid.isdecimal():
        import psutil

        return not psutil.pid_exists(int(pid))
    try:
        return time.time() - path.lstat().st_mtime > DAY_SECONDS
    except OSError:
        return False


@functools.cache
def _place() -> str:
    """Digest of what gives a process id its meaning: machine, boot, and namespace of processes."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):  # not Linux: the machine's name has to do
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text(), str(Path("/proc/self/ns/pid").readlink())]
    return digest(parts)[:12]
