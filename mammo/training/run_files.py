"""The files of a finished run and their digests, which every reader of one of them verifies.

result.json lists the SHA-256 of every file that other commands read, and closes with a digest of its own content.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mammo.cli.targets import check_names
from mammo.io import atomic_write
from mammo.limits import read_json, read_yaml
from mammo.records import MammoError

RESULT = "result.json"
"""The file that makes a run a finished one."""

FILES = (
    "config.yaml",
    "best.ckpt",
    "lesions.parquet",
    "lesions-val.parquet",
    "windows.parquet",
    "windows-val.parquet",
    "images.parquet",
)
"""Files of a finished run that other commands read."""

SEAL_MEANING = "SHA-256 of the content without this key: a changed result.json counts as damaged"
"""What the key `seal` of result.json is."""

RESTORE = "restore it from a copy, or delete result.json and train the run again"
"""What to do about a damaged file of a run."""


def file_stamp(path: Path) -> list[int] | None:
    """A file's size in bytes and time of change in nanoseconds; None if the file does not exist."""
    if not path.is_file():
        return None
    facts = path.stat()
    return [facts.st_size, facts.st_mtime_ns]


def file_digest(path: Path) -> str:
    """SHA-256 of a file as hex; cached while the file is the same, so that a process reads none twice."""
    facts = path.stat()
    return _digest(path, (facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))


@lru_cache(maxsize=4096)
def _digest(path: Path, identity: tuple[int, ...]) -> str:
    """SHA-256 of the file that has this identity: every write gives it another time of change."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_result(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write result.json atomically: the facts, the digests and stamps of the run's files, and its own digest.

    Written again for a copy of a run, as write_result(copy, read_result(run)), it lists the files that the copy has.

    Args:
        folder: the run folder, with its files.
        facts: the content; `files`, `stamps` and `seal` are made anew.
    """
    stamps = {name: stamp for name in FILES if (stamp := file_stamp(folder / name))}
    digests = {name: file_digest(folder / name) for name in stamps}
    content = {**facts, "files": digests, "stamps": stamps}
    with atomic_write(folder / RESULT) as written:
        written.write_text(json.dumps(content | {"seal": seal_of(content)}, indent=1) + "\n", encoding="utf-8")


def read_result(folder: Path) -> dict[str, Any]:
    """The content of result.json.

    Raises:
        MammoError: it is missing, is no JSON object, or differs from what the run wrote.
    """
    path = folder / RESULT
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise MammoError(f"{path}: not the result of a run ({reason}); train the run again") from error
    if not isinstance(content, dict):
        raise MammoError(f"{path}: not the result of a run (a {type(content).__name__}); train the run again")
    if content.get("seal", seal := seal_of(content)) != seal:
        raise MammoError(
            f"{path} was changed after the run (its seal does not fit its content): restore it from a copy, or delete "
            "it and train the run again; mammo bundle packs what a run may share"
        )
    return content


def check_paths(folder: Path, files: Iterable[str], reads: Mapping[str, str], is_named: Callable[[str], bool]) -> None:
    """Check the paths in a result, which may come from elsewhere: nothing outside the root of the run is opened.

    Args:
        folder: the run folder.
        files: names of the run's files.
        reads: paths of the networks that it reads, relative to the run folder, by "floc" or "context".
        is_named: whether the command line of the training named such a network (model.floc, context.run), so that it
            can lie elsewhere; it is read as data there, too.

    Raises:
        ValueError: a file is not of the run folder, or is a link, or a network is neither below the root nor named.
    """
    for name in files:
        if name in ("", ".", "..") or Path(name).name != name or (folder / name).is_symlink():
            raise ValueError(f"files: {name} is not a file of the run folder")
    root = folder.resolve().parent.parent
    for network, text in reads.items():
        if Path(text).is_absolute() or not text.isprintable():
            raise ValueError(f"reads.{network}: {text} is not a path relative to the run folder")
        if not (folder / text).resolve().is_relative_to(root) and not is_named(network):
            raise ValueError(f"reads.{network}: {text} leads out of {root}, and config.yaml does not name it")


def seal_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of the content of result.json or origin.json without its own, as hex."""
    text = json.dumps({name: content[name] for name in content if name != "seal"})
    return hashlib.sha256(text.encode()).hexdigest()


def verified(path: Path) -> Path:
    """A file in a run's folder, after comparing it with the digest in result.json; of an unfinished run, as it is.

    Raises:
        MammoError: the file differs from what its run wrote, or result.json is damaged.
    """
    if not (path.parent / RESULT).is_file():
        return path
    known = read_result(path.parent).get("files")
    digest = known.get(path.name) if isinstance(known, dict) else None
    if digest is not None and path.is_file() and (problem := damage(path, digest)):
        raise MammoError(f"{problem}: {RESTORE}")
    return path


def damage(path: Path, digest: str) -> str:
    """What is wrong with a file of which its run knows the SHA-256, as hex; empty if nothing is."""
    return "" if file_digest(path) == digest else f"{path} is damaged (another SHA-256 than its run wrote)"


def read_run_config(path: Path) -> dict[str, Any]:
    """The configuration that a run folder keeps.

    Raises:
        MammoError: as verified, or as parse_run_config.
    """
    verified(path)
    try:
        content = read_yaml(path)
    except (OSError, ValueError) as error:
        raise MammoError(f"{path}: not the configuration of a run ({error}); train the run again") from error
    return parse_run_config(content, str(path))


def parse_run_config(content: object, where: str) -> dict[str, Any]:
    """The configuration of a run from its content: all values are there, and none refers to another one.

    Args:
        content: of the file.
        where: the file, for messages.

    Raises:
        MammoError: it is not a mapping, has an interpolation, which could read the environment, or names a class that
            no configuration builds.
    """
    if not isinstance(content, dict):
        problem = f"it holds a {type(content).__name__}"
        raise MammoError(f"{where}: not the configuration of a run ({problem}); train the run again")
    if "${" in str(content):
        problem = "it has an interpolation, ${...}"
        raise MammoError(f"{where}: not the configuration of a run ({problem}); train the run again")
    try:
        check_names(content)
    except MammoError as error:
        raise MammoError(f"{where}: {error}") from None
    return content
