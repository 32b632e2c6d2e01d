"""Reading and writing of weight files: code in a file is never run, and a file is written completely or not at all."""

import pickle
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch

from mammo.io import atomic_write, did_you_mean_path
from mammo.records import MammoError


def read_weights(path: Path) -> dict[str, Any]:
    """Read a file of torch.save that holds only tensors and plain values.

    Raises:
        MammoError: the file does not exist, cannot be read, would run code, or does not hold a dictionary.
    """
    if not path.is_file():
        raise MammoError(f"{path}: no such weight file{did_you_mean_path(path)}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise MammoError(
            f"{path}: refusing to unpickle, not a plain state dict, may hold code ({_first_line(error)}); "
            "save only the state dict, with torch.save(network.state_dict(), ...)"
        ) from error
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, BadZipFile, AttributeError) as error:
        raise MammoError(
            f"{path} cannot be read as a weight file ({type(error).__name__}); download or copy it again"
        ) from error
    if not isinstance(content, dict):
        raise MammoError(f"{path} holds {type(content).__name__}, not a dictionary of weights")
    return content


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
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as written:
        torch.save(content, written, _use_new_zipfile_serialization=not legacy)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if "GLOBAL" in line or "unsupported" in line.lower()]
    return (lines or [type(error).__name__])[0][:120]
