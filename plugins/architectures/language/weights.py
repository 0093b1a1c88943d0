"""Where pretrained weights are: in a folder, in an installed package or in the cache of a model hub."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ifbench.core import IfbenchError

CONFIG = "config.json"
READ = (CONFIG, "*.safetensors", "tokenizer*", "vocab*", "merges.txt", "spiece.model", "special_tokens_map.json")
"""What is read of a folder with weights."""
EXTRA = "pip install 'ifbench[text]'"


def need_transformers(where: str) -> Any:  # Any: a package without types
    """The package `transformers`.

    Raises:
        IfbenchError: It is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        message = f"needs the package transformers, which cannot be imported ({error})"
        raise IfbenchError(message, where=where, hint=EXTRA) from error
    return transformers


@contextmanager
def quietly(transformers: Any) -> Iterator[None]:  # Any: a package without types
    """No progress bars and no advice from transformers inside; errors stay."""
    logs = transformers.utils.logging
    verbosity, bars = logs.get_verbosity(), logs.is_progress_bar_enabled()
    logs.set_verbosity_error()
    logs.disable_progress_bar()
    try:
        yield
    finally:
        logs.set_verbosity(verbosity)
        if bars:
            logs.enable_progress_bar()


@contextmanager
def weights_folder(name: str, *, download: bool, where: str) -> Iterator[Path]:
    """A folder with `config.json`, weights and a tokenizer; one that was unpacked lasts as long as the block.

    Args:
        name: A folder; an installed package that ships one, or one in a zip; or a name on the hub.
        download: Whether a name on the hub may be fetched; else only what its cache holds is taken.
        where: How messages call the architecture.

    Raises:
        IfbenchError: There is none; tells where it was looked for.
    """
    if Path(name).expanduser().is_dir():
        yield _checked(Path(name).expanduser(), where)
        return
    shipped = _shipped(name)
    if shipped is None:
        yield _checked(_of_the_hub(name, download=download, where=where), where)
    elif shipped.is_dir():
        yield shipped
    else:
        with tempfile.TemporaryDirectory(prefix="ifbench-weights-") as folder, zipfile.ZipFile(shipped) as packed:
            packed.extractall(folder)
            yield Path(folder)


def weights_digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of everything that is read of a folder."""
    total = hashlib.sha256()
    for path in sorted({path for pattern in READ for path in folder.glob(pattern) if path.is_file()}):
        total.update(f"{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def _checked(folder: Path, where: str) -> Path:
    if not (folder / CONFIG).is_file():
        raise IfbenchError(
            f"no {CONFIG} in {str(folder)!r}",
            where=where,
            hint="give the folder that `save_pretrained` of transformers wrote, with model.safetensors and a tokenizer",
        )
    return folder


def _shipped(name: str) -> Path | None:
    """A folder with weights, or a zip of one, among the files of an installed package; nothing is imported."""
    found = sorted(_files_of(name))
    folders = [path.parent for path in found if path.name == CONFIG and any(path.parent.glob("*.safetensors"))]
    return folders[0] if folders else next((path for path in found if _holds_weights(path)), None)


def _holds_weights(path: Path) -> bool:
    if path.suffix != ".zip" or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as packed:
        names = packed.namelist()
    return CONFIG in names and any(inside.endswith(".safetensors") for inside in names)


def _files_of(name: str) -> list[Path]:
    """Files of an installed distribution, or of a package that can be imported, called `name`."""
    if "/" in name or "." in name:
        return []
    try:
        files = importlib.metadata.distribution(name).files or []
        return [Path(str(file.locate())) for file in files]
    except importlib.metadata.PackageNotFoundError:
        found = importlib.util.find_spec(name.replace("-", "_"))
        roots = list(found.submodule_search_locations or ()) if found is not None else []
        return [path for root in roots for path in Path(root).rglob("*") if path.is_file()]


def _of_the_hub(name: str, *, download: bool, where: str) -> Path:
    from huggingface_hub import snapshot_download

    looked = "no folder of this name, no installed package with weights"
    hint = f"give a folder that holds them; or fetch them once with `hf download {name}`, or with download: true"
    try:
        return Path(snapshot_download(name, local_files_only=not download, allow_patterns=list(READ)))
    except Exception as error:
        tried = f"fetching them failed: {_first_line(error)}" if download else "not in the local cache of the hub"
        raise IfbenchError(f"weights {name!r} not found: {looked}, and {tried}", where=where, hint=hint) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
