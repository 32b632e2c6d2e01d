"""Episodes of the British breast screening service (NBSS) in OMI-DB: results of biopsies and surgery by lesion.

    {episode: {"BIOPSYWIDE": {"L": {"1": {"Opinion": "B5", ...}}, "left_opinion": ...}, "SURGERY": ..., "LESION": ...}}

Opinions are B1 to B5 (wide-bore needle biopsy) and H1 to H5 (surgery): 5 malignant, 4 suspicious, 2 benign, 3 benign
of uncertain potential. About forty other fields describe the specimen; most are empty, and their codes have other
meanings.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mammo.intake.adapters._labels import UNKNOWN_LABEL, LesionLabel
from mammo.records import LabelSource, Laterality, Pathology

Episode = Mapping[str, Any]

BIOPSIES = ("SURGERY", "BIOPSYWIDE")
TESTS = (*BIOPSIES, "BIOPSYFINE")
LESIONS = (*TESTS, "LESION", "ASSESSMENT", "CLINICAL")
"""Events whose lesions have numbers."""

MALIGNANCY_TYPE = re.compile(r"[BH]5([ab])\b|([ab])", re.IGNORECASE)
"""An opinion of 5 with its letter, or the letter alone: a in situ, b invasive."""

CODE = re.compile(r"([BH][1-5])[a-c]?\b", re.IGNORECASE)
CANCER_FIELD = re.compile(r"invasive|in_?situ|dcis|grade|malignancy_?type", re.IGNORECASE)
NO_CANCER = ("", "0", "n", "no", "none", "null", "false", "c", "na", "ndn", "not assessable")
"""Values without evidence of cancer; c, NA and NDN are codes of "not assessable"."""

EVENT_DATES = ("datetaken", "dateperformed")
"""Date fields of events, in lower case."""

SIDE_OPINIONS = {"malignant": Pathology.MALIGNANT, "benign": Pathology.BENIGN}
SIDES = {Laterality.LEFT: "left_opinion", Laterality.RIGHT: "right_opinion"}
INTERVAL = ("CI", "INTERVAL")


def lesions_label(episode: Episode, laterality: Laterality, numbers: list[str]) -> LesionLabel:
    """Return the label of the lesions with these numbers: malignant if any is malignant, benign if all are benign."""
    found = [_lesion_label(episode, laterality, number) for number in numbers]
    malignant = [one for one in found if one.label is Pathology.MALIGNANT]
    if malignant:
        return malignant[0]
    if not found or any(one.label is Pathology.NONE for one in found):
        return UNKNOWN_LABEL
    return LesionLabel(Pathology.BENIGN, LabelSource.BIOPSY, any(one.high_risk for one in found))


def breast_label(episode: Episode, laterality: Laterality) -> LesionLabel:
    """Return the label of the only lesion of a breast: from its biopsy, else from the opinion on the breast.

    Unknown unless the breast has exactly one lesion.
    """
    numbers = {number for event in LESIONS for number, _ in _lesions(episode, event, laterality)}
    if len(numbers) != 1:
        return UNKNOWN_LABEL
    found = lesions_label(episode, laterality, list(numbers))
    if found.label is not Pathology.NONE:
        return found
    for event in BIOPSIES:
        for fields in _events(episode, event):
            label = SIDE_OPINIONS.get(str(fields.get(SIDES[laterality]) or "").strip().lower())
            if label:
                return LesionLabel(label, LabelSource.BREAST_LEVEL, False)
    return UNKNOWN_LABEL


def episode_on(episodes: Iterable[Episode], date: object) -> Episode | None:
    """Return the episode of a study of this date (YYYY-MM-DD or YYYYMMDD), None if there is none.

    It has an event on that day, or else it was open on that day.
    """
    day, known = _day(date), list(episodes)
    if not day:
        return None
    matches = [episode for belongs in (_has_event, _is_open) for episode in known if belongs(episode, day)]
    return matches[0] if matches else None


def is_normal(episode: Episode) -> bool:
    """Whether an episode has no biopsy and no surgery, and no interval cancer followed."""
    if any(_events(episode, event) for event in (*TESTS, "INTERVALCANCER")):
        return False
    episode_type = str(episode.get("EpisodeType") or "").upper()
    return not episode_type.startswith(INTERVAL) and not episode.get("IntervalCancerDateOfDiagnosis")


def _has_event(episode: Episode, day: str) -> bool:
    unvisited: list[object] = [episode]
    while unvisited:
        node = unvisited.pop()
        if isinstance(node, list):
            unvisited += node
        elif isinstance(node, dict):
            unvisited += node.values()
            if any(_day(value) == day for name, value in node.items() if str(name).lower() in EVENT_DATES):
                return True
    return False


def _is_open(episode: Episode, day: str) -> bool:
    opened, closed = _day(episode.get("EpisodeOpenedDate")), _day(episode.get("EpisodeClosedDate"))
    return bool(opened) and opened <= day <= (closed or "9")


def _day(text: object) -> str:
    """Return a date (YYYY-MM-DD or YYYYMMDD) as YYYYMMDD; empty if there is none."""
    return str(text or "").replace("-", "")[:8]


def _events(episode: Episode, event: str) -> list[Mapping[str, Any]]:
    content = episode.get(event)
    entries = content if isinstance(content, list) else [content]
    return [entry for entry in entries if isinstance(entry, dict) and entry]


def _lesions(episode: Episode, event: str, laterality: Laterality) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for entry in _events(episode, event):
        side = entry.get(laterality.value)
        for number, fields in (side or {}).items() if isinstance(side, dict) else ():
            yield str(number).lstrip("0"), fields if isinstance(fields, dict) else {}


def _malignancy_type(fields: Iterable[tuple[str, str]]) -> str:
    """Return "invasive" or "in situ" by the opinions and the malignancy type of a lesion; empty if not stated."""
    stated = [value for name, value in fields if name.lower() in ("opinion", "malignancytype", "malignancy_type")]
    letters = {(match[1] or match[2]).lower() for value in stated if (match := MALIGNANCY_TYPE.fullmatch(value))}
    return "invasive" if "b" in letters else "in situ" if letters else ""


def _lesion_label(episode: Episode, laterality: Laterality, number: str) -> LesionLabel:
    fields = [
        (str(name), str(value or "").strip())
        for event in BIOPSIES
        for key, lesion in _lesions(episode, event, laterality)
        if key == number.lstrip("0")
        for name, value in lesion.items()
    ]
    opinions = [CODE.match(value) for name, value in fields if name.lower() == "opinion"]
    codes = {match[1].upper() for match in opinions if match}
    parts = [value for name, value in fields if CANCER_FIELD.search(name)]
    if codes & {"B5", "H5"} or any(value.lower() not in NO_CANCER for value in parts):
        return LesionLabel(Pathology.MALIGNANT, LabelSource.BIOPSY, False, _malignancy_type(fields))
    if "H2" in codes or (codes & {"B2", "B3"} and "B4" not in codes):  # surgery settles a biopsy's suspicion
        return LesionLabel(Pathology.BENIGN, LabelSource.BIOPSY, "B3" in codes)
    return UNKNOWN_LABEL
