"""Lesion-level classification of mammograms with local and global information.

The names below are the public Python API (docs/reference/python.md). Each is imported when it is first used, so that
`import mammo` itself loads nothing else.
"""

from importlib import import_module
from platform import system
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mammo.data.datamodule import MammoDataModule
    from mammo.geometry import Box
    from mammo.inference.lesion_model import LesionModel, LesionScore, load
    from mammo.inference.outlines import Circle
    from mammo.maps.stack import map_stack
    from mammo.models.context_network import ContextNetwork
    from mammo.models.fagg import FAgg
    from mammo.models.floc import FLoc
    from mammo.records import MammoError
    from mammo.reporting.score_comparison import evaluate
    from mammo.store.open_store import open_store

__version__ = "0.1.0"

NO_WINDOWS = "mammo runs on Linux and macOS: on Windows, run it in WSL"
"""What is wrong on Windows, whose processes cannot be forked and limited as those that decode untrusted files are."""

__all__ = [
    "Box",
    "Circle",
    "ContextNetwork",
    "FAgg",
    "FLoc",
    "LesionModel",
    "LesionScore",
    "MammoDataModule",
    "MammoError",
    "evaluate",
    "load",
    "map_stack",
    "open_store",
]

_MODULES = {
    "Box": "mammo.geometry",
    "Circle": "mammo.inference.outlines",
    "ContextNetwork": "mammo.models.context_network",
    "FAgg": "mammo.models.fagg",
    "FLoc": "mammo.models.floc",
    "LesionModel": "mammo.inference.lesion_model",
    "LesionScore": "mammo.inference.lesion_model",
    "MammoDataModule": "mammo.data.datamodule",
    "MammoError": "mammo.records",
    "evaluate": "mammo.reporting.score_comparison",
    "load": "mammo.inference.lesion_model",
    "map_stack": "mammo.maps.stack",
    "open_store": "mammo.store.open_store",
}
"""Module of each public name."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'mammo' has no attribute {name!r}")
    if system() == "Windows":
        raise ImportError(NO_WINDOWS)
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
