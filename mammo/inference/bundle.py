"""A model bundle: one file that holds the networks of one or several trainings, and all that is said about them.

It is a zip archive without compression: bundle.json, MODEL_CARD.md, and the weights as safetensors, which hold tensors
and no code. The archive's comment, the last 64 bytes of the file, is the SHA-256 of all bytes before it. It is the
bundle's digest: any changed byte is found. The same runs always give the same bytes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo, is_zipfile

from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save as bytes_of
from torch import Tensor

from mammo.io import atomic_write, did_you_mean_path, make_folder, runtime_errors_as
from mammo.limits import TEXT_BYTES, check_size, parse_json
from mammo.records import MammoError, did_you_mean

Part = TypeVar("Part")

FORMAT = 2
"""Version of the content of bundle.json."""

FACTS, CARD = "bundle.json", "MODEL_CARD.md"
DIGEST_BYTES = 64
"""Length of the digest at the end of the file, as hex."""

LARGEST = 1 << 35
"""Largest bundle, bytes: 32 GiB."""

MADE = (1980, 1, 1, 0, 0, 0)
"""The time of every member, so that the bytes do not depend on a clock."""

AGAIN = "copy it again, or make it again with mammo bundle"


@dataclass(frozen=True, eq=False)
class Bundle:
    """An opened bundle, whose digest was verified.

    Attributes:
        path: of the file.
        digest: SHA-256 as hex.
        facts: the content of bundle.json.
    """

    path: Path
    digest: str
    facts: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> "Bundle":
        """Open a bundle and verify every byte of it.

        Raises:
            MammoError: it does not exist, is no bundle, was changed, or is of another version.
        """
        if not path.is_file():
            raise MammoError(f"{path}: no such bundle{did_you_mean_path(path)}: make one with mammo bundle RUN -o FILE")
        try:
            check_size(path, LARGEST)
            digest = _verified_digest(path)
            _check_names(path)
            facts = parse_json(_member(path, FACTS, TEXT_BYTES).decode())
        except (ValueError, OSError) as error:
            raise MammoError(f"{path} is not a whole bundle ({error}): {AGAIN}") from None
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            found = facts.get("format") if isinstance(facts, dict) else None
            raise MammoError(
                f"{path} is a bundle of format {found!r}, and this version of mammo reads format {FORMAT}: make it "
                "again with mammo bundle, or use the version of mammo that made it"
            )
        return cls(path, digest, facts)

    def part(self, name: str, kind: type[Part]) -> Part:
        """A part of bundle.json, of this type; MammoError where it is missing or of another type."""
        found = self.facts.get(name)
        if not isinstance(found, kind):
            raise MammoError(f"{self.path}: {name} in its {FACTS} is not a {kind.__name__}: {AGAIN}")
        return found

    def card(self) -> str:
        """The model card, Markdown; MammoError where it is missing."""
        try:
            return _member(self.path, CARD, TEXT_BYTES).decode()
        except (ValueError, OSError) as error:
            raise MammoError(f"{self.path} is not a whole bundle ({error}): {AGAIN}") from None

    def weights(self, name: str) -> dict[str, Tensor]:
        """The weights [O, ...] of a network by name; MammoError where they are missing or are no tensors."""
        try:
            return tensors_of(_member(self.path, _weight_file(name), LARGEST))
        except (ValueError, OSError, SafetensorError) as error:
            raise MammoError(f"{self.path} is not a whole bundle ({error}): {AGAIN}") from None


def is_bundle(path: Path) -> bool:
    """Whether a path is a file that can be a bundle, and not the folder of a run."""
    return path.is_file() and path.name != "result.json"


def write_bundle(
    path: Path, facts: Mapping[str, Any], card: str, weights: Mapping[str, Mapping[str, Tensor]], overwrite: bool
) -> str:
    """Write a bundle atomically and return its digest; the same bundle may be there already.

    Args:
        path: the file.
        facts: the content of bundle.json, JSON values.
        card: the model card, Markdown.
        weights: of each network by its name, each a dictionary of tensors [O, ...].
        overwrite: whether another file at this place is replaced.

    Raises:
        MammoError: another file is there.
    """
    text = json.dumps({**facts, "format": FORMAT}, indent=1, allow_nan=False) + "\n"
    members = {FACTS: text.encode(), CARD: card.encode()}
    members |= {_weight_file(name): _as_bytes(weights[name]) for name in sorted(weights)}
    make_folder(path.parent)
    with atomic_write(path) as written:
        with ZipFile(written, "w", ZIP_STORED) as archive:
            archive.comment = b"0" * DIGEST_BYTES
            for name, content in members.items():
                archive.writestr(ZipInfo(name, MADE), content)
        digest = _digest(written)
        with written.open("r+b") as file:
            file.seek(-DIGEST_BYTES, 2)
            file.write(digest.encode())
        if path.exists() and not overwrite and _digest_or_none(path) != digest:
            raise MammoError(f"{path} already exists and is another file: name another one, or give --overwrite")
    return digest


def _as_bytes(weights: Mapping[str, Tensor]) -> bytes:
    content: bytes = bytes_of({name: value.contiguous() for name, value in sorted(weights.items())})
    return content


def _weight_file(name: str) -> str:
    return f"weights/{name}.safetensors"


def _digest(path: Path) -> str:
    """SHA-256, as hex, of all bytes of a file before its closing digest."""
    digest, left = hashlib.sha256(), path.stat().st_size - DIGEST_BYTES
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def _verified_digest(path: Path) -> str:
    """The digest of a bundle; ValueError where its bytes have another one, or it is no archive."""
    if not is_zipfile(path) or path.stat().st_size <= DIGEST_BYTES:
        raise ValueError("it is not an archive")
    with path.open("rb") as file:
        file.seek(-DIGEST_BYTES, 2)
        stated = file.read()
    if (digest := _digest(path)).encode() != stated:
        raise ValueError("it has another SHA-256 than was written at its end: it was changed or cut")
    return digest


def _digest_or_none(path: Path) -> str | None:
    try:
        return _verified_digest(path)
    except (OSError, ValueError):
        return None


def _check_names(path: Path) -> None:
    """ValueError where the archive names a member twice, of which readers take different ones, or lacks one."""
    with ZipFile(path) as archive:
        names = archive.namelist()
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"it has {twice[0]} twice")
    if missing := [name for name in (FACTS, CARD) if name not in names]:
        raise ValueError(f"it has no {missing[0]}")


def _member(path: Path, name: str, most: int) -> bytes:
    """The bytes of a member of at most so many bytes; ValueError where it is missing, larger or compressed."""
    try:
        with runtime_errors_as(BadZipFile), ZipFile(path) as archive:
            names = archive.namelist()
            if name not in names:
                raise ValueError(f"it has no {name}{did_you_mean(name, names)}")
            found = archive.getinfo(name)
            if found.compress_type != ZIP_STORED or found.file_size > min(most, path.stat().st_size):
                raise ValueError(f"its {name} has {found.file_size:,} bytes or is compressed")
            return archive.read(found)
    except (BadZipFile, NotImplementedError) as error:
        raise ValueError(f"its {name} cannot be read ({error})") from None
