"""What `mammo serve` can be asked to do, and which of its arguments go with what."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from mammo.records import MammoError


class Mode(StrEnum):
    """What `mammo serve` does, as sentences name it."""

    PAGE = "the page"
    NODE = "--dicom"
    STUDY = "--study"
    EXPORT = "--export"
    STATUS = "--status"


PAGES = (Mode.PAGE, Mode.STUDY)
SCORES = (Mode.PAGE, Mode.NODE, Mode.STUDY)
"""Modes that serve a page, and that score lesions."""

MODES: Mapping[str, tuple[Mode, ...]] = {
    "bundle": SCORES,
    "data": (Mode.PAGE,),
    "test_of": (Mode.PAGE,),
    "neighbors": (Mode.PAGE,),
    "neighbors_license": (Mode.PAGE,),
    "save": (Mode.PAGE,),
    "port": PAGES,
    "host": PAGES,
    "study": (Mode.STUDY, Mode.EXPORT),
    "export": (Mode.EXPORT,),
    "dicom": (Mode.NODE,),
    "queue": (Mode.NODE,),
    "accept": (Mode.NODE,),
    "listen": (Mode.NODE,),
    "peer": (Mode.PAGE, Mode.NODE),
    "windows": SCORES,
    "prevalence": SCORES,
    "allow_targets": SCORES,
    "status": (Mode.STATUS,),
    "json": (Mode.STATUS,),
}
"""By argument the modes that it goes with."""


def mode_of(given: Mapping[str, Any]) -> Mode:
    """What is asked for, by the values of the arguments.

    Raises:
        MammoError: an argument is given that would be ignored.
    """
    asked = {Mode.STATUS: "status", Mode.EXPORT: "export", Mode.STUDY: "study", Mode.NODE: "dicom"}
    mode = next((mode for mode, name in asked.items() if given[name]), Mode.PAGE)
    for name, modes in MODES.items():
        if mode not in modes and given[name] is not None and given[name] is not False and given[name] != []:
            written = "BUNDLE" if name == "bundle" else "--" + name.replace("_", "-")
            others = [each for each in modes if each != written]
            where = f", but with {' or '.join(others)}" if others else ""
            raise MammoError(f"{written} does not go with {mode}{where}: leave it out")
    return mode
