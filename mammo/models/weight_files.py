"""Reading and writing of weight files: code in a file is never run, and a file is written completely or not at all."""

import pickle
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, is_zipfile
from zlib import error as ZlibError  # noqa: N812

import torch
from torch import Tensor, nn

from mammo.io import atomic_write, did_you_mean_path, make_folder, runtime_errors_as
from mammo.limits import check_archive
from mammo.pickles import check_pickle, check_pickle_file
from mammo.records import MammoError

DAMAGED = (
    *(OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError),
    *(BadZipFile, NotImplementedError, MemoryError, RecursionError, OverflowError, ImportError),
)
"""Errors that torch raises for files that are damaged, or that were made to harm."""

ZIP_START = b"PK\x03\x04"
"""First bytes of an archive, by which torch recognizes its present format."""

OLDER_PICKLES = 5
"""Pickles at the start of a file in torch's older format: two numbers, the machine, the content, and the storages."""


def read_weights(path: Path) -> dict[str, Any]:
    """Read a file of torch.save that holds only tensors and plain values.

    Memory is that of the file: nothing is decompressed, and no tensor is larger than its bytes in the file.

    Raises:
        MammoError: the file does not exist, cannot be read, would run code or take more memory than its size, or does
            not hold a dictionary.
    """
    if not path.is_file():  # a pipe or a folder is none either
        raise MammoError(f"{path}: no such weight file{did_you_mean_path(path)}")
    try:
        with runtime_errors_as(ValueError):
            _check_archive(path)
            _check_pickles(path)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise MammoError(
            f"{path}: refusing to unpickle, not a plain state dict, may hold code ({_first_line(error)}); "
            "save only the state dict, with torch.save(network.state_dict(), ...)"
        ) from error
    except DAMAGED as error:
        raise MammoError(
            f"{path} cannot be read as a weight file ({type(error).__name__}); download or copy it again"
        ) from error
    if not isinstance(content, dict):
        raise MammoError(f"{path} holds {type(content).__name__}, not a dictionary of weights")
    _check_tensors(content, path)
    return content


def check_weight_file(path: Path) -> None:
    """Check a file of weights before a library reads it that knows no limits.

    Args:
        path: a file of safetensors, which cannot hold code and is as large as its content, of NumPy's savez, or of
            torch.save.

    Raises:
        MammoError: as read_weights.
    """
    if path.suffix == ".safetensors":
        return
    if path.suffix != ".npz":
        read_weights(path)
        return
    try:
        check_archive(path)
    except (OSError, ValueError) as error:
        raise MammoError(f"{path} cannot be read as a weight file ({error}): download or copy it again") from None


def weights_of(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """The weights [O, ...] by name, state_dict, of a checkpoint's content; none where it has no state_dict.

    Args:
        content: of read_weights.
        path: of the file, for the message.

    Raises:
        MammoError: state_dict is not a dictionary of tensors by name.
    """
    state: dict[str, Tensor] = content.get("state_dict", {})
    is_state = isinstance(state, dict) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    )
    if not is_state:
        raise MammoError(f"{path}: state_dict is not a dictionary of tensors by name: give a checkpoint of a network")
    return state


def write_weights(content: dict[str, Any], path: Path, legacy: bool = False) -> None:
    """Write a file with torch.save; a reader never sees half of it.

    Args:
        content: tensors and plain values.
        path: a file that does not exist, so that no weights are overwritten.
        legacy: use the format of torch before 1.6, which every version can read.

    Raises:
        MammoError: the file already exists.
    """
    if path.exists():
        raise MammoError(f"{path} already exists: name another file, or remove it first")
    make_folder(path.parent)
    with atomic_write(path) as written:
        if legacy:
            stream = BytesIO()
            torch.save(content, stream, _use_new_zipfile_serialization=False)
            written.write_bytes(stream.getbuffer())
        else:
            save_torch(content, written)


def save_torch(content: dict[str, Any], path: Path) -> None:
    """torch.save that raises OSError where the file cannot be written; by itself it would not say why."""
    try:
        with path.open("wb") as file:
            torch.save(content, file)
    except RuntimeError as error:  # its writer fails again when it closes
        if type(error) is RuntimeError and isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def _check_archive(path: Path) -> None:
    """Check the sizes that an archive of torch.save declares, and its checksums, which torch does not verify.

    Raises:
        MammoError: its members are compressed or larger than the file, which torch.save makes neither, or damaged.
    """
    if not is_zipfile(path):
        return
    with ZipFile(path) as archive:
        members = archive.infolist()
    total, size = sum(member.file_size for member in members), path.stat().st_size
    if total > size or any(member.compress_type != ZIP_STORED for member in members):
        raise MammoError(
            f"{path} would unpack to {total:,} bytes, but a weight file is as large as its content, here at most "
            f"{size:,}: download or copy it again, or save it with torch.save"
        )
    if damage := archive_damage(path):
        raise MammoError(f"{path} is damaged ({damage}): download or copy it again, or train its run again")


def archive_damage(path: Path) -> str:
    """What is wrong with an archive of torch.save by its own checksums; empty if nothing is."""
    try:
        with runtime_errors_as(BadZipFile), ZipFile(path) as archive:
            member = archive.testzip()
    except (BadZipFile, NotImplementedError, EOFError, ValueError, ZlibError) as error:
        return f"{type(error).__name__}: {error}"
    return "" if member is None else f"the checksum of {member} is another one"


def _check_pickles(path: Path) -> None:
    """Check that the pickles of a file of torch.save stand for no more than they hold.

    Raises:
        MammoError: one is damaged, nested too deeply, or refers to its own parts too often.
    """
    try:
        if is_zipfile(path):
            with ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith(".pkl"):
                        check_pickle(BytesIO(archive.read(name)))
        if not _starts_as_zip(path):  # torch's older format
            check_pickle_file(path, OLDER_PICKLES)
    except ValueError as error:
        raise MammoError(f"{path} cannot be read as a weight file ({error}): download or copy it again") from error


def _starts_as_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(ZIP_START)) == ZIP_START


def _check_tensors(content: Mapping[Any, Any], path: Path) -> None:
    """Check that each tensor is a plain one, no larger than its bytes in the file.

    Raises:
        MammoError: one is not.
    """
    for key, value in _leaves(content):
        if not isinstance(value, Tensor):
            continue
        is_plain = type(value) in (Tensor, nn.Parameter) and (value.layout, value.device.type) == (torch.strided, "cpu")
        is_plain = is_plain and not value.is_quantized
        if not is_plain or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise MammoError(
                f"{path}: {key} is not a plain tensor of its own size ({list(value.shape)}): save a copy of it "
                "(tensor.cpu().clone()) with torch.save"
            )


def _leaves(content: Mapping[Any, Any]) -> Iterator[tuple[str, object]]:
    """Yield every value in nested dictionaries and lists with its own key; a list that occurs again is left out."""
    waiting: list[tuple[str, object]] = [("", content)]
    seen: set[int] = set()
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, Mapping | list | tuple | set):
            if id(value) in seen:
                continue
            seen.add(id(value))
            items = value.items() if isinstance(value, Mapping) else enumerate(value)
            waiting += [(name if isinstance(name, str) else key, each) for name, each in items]
        else:
            yield key, value


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if "GLOBAL" in line or "unsupported" in line.lower()]
    return (lines or [type(error).__name__])[0][:120]
