"""Writing so that a reader sees the old content or the new, never a part, and a crash loses neither."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import platform
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from ifbench.core.errors import StoreError
from ifbench.core.identity import digest

REMEDIES = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EACCES: "make it writable for you",
    errno.EPERM: "make it writable for you",
    errno.EROFS: "make it writable",
}
DAY_SECONDS = 86_400
NO_DIRECTORY_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


@contextlib.contextmanager
def store_errors(doing: str, path: Path, *, elsewhere: str) -> Iterator[None]:
    """Turn an operating system's refusal into a StoreError: what, where and how to go on.

    Args:
        doing: What is under way: "write truth 12ab".
        path: Where, if the refusal itself does not say.
        elsewhere: The setting that leads to another place: "IFBENCH_STORE".

    Raises:
        StoreError: In place of any OSError.
    """
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "mend that")
        hint = f"{remedy}, or choose another place with {elsewhere}; then the same command goes on where it stopped"
        reason = error.strerror or str(error)
        raise StoreError(f"cannot {doing}: {reason}", hint=hint, where=str(error.filename or path)) from error


def write_durably(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk.

    Raises:
        OSError: It exists already, or the system refuses.
    """
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory are on the disk; file systems that cannot promise that are let be."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Make a directory and its parents, each of them durable; one that is there already is fine."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def write_text_atomic(path: Path, text: str, *, elsewhere: str = "--out") -> bool:
    """Replace a text file (UTF-8, no translation of line ends) in one step.

    A file that holds this text already is not touched. What a killed writer of the same file left is cleared.

    Args:
        path: The file; its directory is made.
        text: The whole content.
        elsewhere: The setting that leads to another place, for the hint.

    Returns:
        Whether the file changed.

    Raises:
        StoreError: It cannot be written; the old content stays.
    """
    data = text.encode()
    with store_errors(f"write {path.name}", path, elsewhere=elsewhere):
        if path.is_file() and path.read_bytes() == data:
            return False
        make_directory(path.parent)
        prefix = f".{path.name}."
        for left in path.parent.iterdir():
            if left.name.startswith(prefix) and is_abandoned(left, left.name.removeprefix(prefix)):
                left.unlink(missing_ok=True)
        scratch = path.with_name(f"{prefix}{scratch_name()}")
        try:
            write_durably(scratch, data)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
        sync_directory(path.parent)
    return True


def scratch_name() -> str:
    """A new name, unique everywhere, that carries this process: `<place>-<pid>-<random>`."""
    return f"{_place()}-{os.getpid()}-{secrets.token_hex(6)}"


def is_abandoned(path: Path, name: str) -> bool:
    """Whether nobody will finish what lies at `path` under a name made by `scratch_name`.

    A writer of this machine, since it started and in this container, is asked for by its process id; of any other, the
    path counts as abandoned when it was last changed a day ago.
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
