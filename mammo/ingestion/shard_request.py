"""What the ingest of a shard was asked for, kept with its part of the store: a finished shard is known without reading.

The merge compares the content of every file, so that a wrong answer here would cost time and change no store.
"""

import json
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from mammo.ingestion.shard import FOLDER, Shard
from mammo.ingestion.worker import PIPELINE
from mammo.intake.source_folder import DOCUMENTS, Folder, suffix_of
from mammo.io import atomic_write
from mammo.limits import read_text

REQUEST = ".request"
"""The file of a part that says what its shard was asked for."""

NOT_IN_DIGEST = ("root", "store", "processes", "append", "overwrite", "accept_rejections", "allow")
"""Keys of a configuration of ingest that change nothing in a part."""

Stamp = tuple[str, int, int]
"""A file's path, its size in bytes, and its time of change in nanoseconds."""


def shard_digest(cfg: DictConfig) -> str:
    """SHA-256, as hex, of a shard's configuration and of the sizes and times of the files that it reads.

    Args:
        cfg: of ingest, with a shard.
    """
    settings = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(settings, dict)
    shard = Shard(cfg.shard, cfg.shards)
    asked = {key: value for key, value in settings.items() if key not in NOT_IN_DIGEST}
    named = [stamp(Path(value)) for value in cfg.data.values() if isinstance(value, str) and Path(value).is_file()]
    read = [one for one in stamps(Path(cfg.data.source)) if suffix_of(one[0]) in DOCUMENTS or shard.holds(one[0])]
    return sha256(json.dumps([PIPELINE, asked, named, read], default=str).encode()).hexdigest()


def is_ingested(cfg: DictConfig) -> bool:
    """Whether a configuration asks for a shard, and its part is complete, of files that have not changed since."""
    if cfg.shard is None:
        return False
    try:
        return read_text(_file(cfg), 1 << 10).strip() == shard_digest(cfg)
    except (OSError, ValueError):  # there is no such part
        return False


def keep_request(cfg: DictConfig, digest: str) -> None:
    """Record, with the part of a shard that is complete, the digest that it had before it was read."""
    with atomic_write(_file(cfg)) as written:
        written.write_text(digest + "\n", encoding="utf-8")


def stamp(path: Path) -> Stamp:
    """A file's stamp, with zeros if it cannot be read."""
    try:
        facts = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), facts.st_size, facts.st_mtime_ns


@lru_cache(maxsize=1)
def stamps(source: Path) -> tuple[Stamp, ...]:
    """The stamps of all files of a source, by relative path; read once, for all shards of a sweep."""
    return tuple((path, *stamp(source / path)[1:]) for path in Folder(source).paths)


def _file(cfg: DictConfig) -> Path:
    return Path(cfg.store) / FOLDER / str(cfg.data.name) / f"{cfg.shard:04d}" / REQUEST
