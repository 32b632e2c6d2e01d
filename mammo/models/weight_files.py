"""Files of weights: read without ever running code that they may hold, written whole or not at all."""

import pickle
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch

from mammo.io import atomic_write
from mammo.records import MammoError


def read_weights(path: Path) -> dict[str, Any]:
    """What torch.save wrote, tensors and plain values only.

    Raises:
        MammoError: there is no such file, it cannot be read, it would run code, or it holds no dictionary.
    """
    if not path.is_file():
        raise MammoError(f"{path}: no such file of weights")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise MammoError(
            f"{path} is refused: it is no plain file of weights and may hold code ({_first_line(error)}); "
            "save the state dict alone with torch.save(network.state_dict(), ...)"
        ) from error
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, BadZipFile, AttributeError) as error:
        raise MammoError(
            f"{path} cannot be read as a file of weights ({type(error).__name__}); fetch it anew"
        ) from error
    if not isinstance(content, dict):
        raise MammoError(f"{path} holds {type(content).__name__}, not a dictionary of weights")
    return content


def write_weights(content: dict[str, Any], path: Path, legacy: bool = False) -> None:
    """Write with torch.save; a reader never sees half of it.

    Args:
        content: tensors and plain values.
        path: must not exist yet, so that nothing already made is lost.
        legacy: the format of torch before 1.6, which every torch can read.

    Raises:
        MammoError: the file exists already.
    """
    if path.exists():
        raise MammoError(f"{path} exists already: name another file, or remove it first")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as written:
        torch.save(content, written, _use_new_zipfile_serialization=not legacy)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if "GLOBAL" in line or "unsupported" in line.lower()]
    return (lines or [type(error).__name__])[0][:120]
