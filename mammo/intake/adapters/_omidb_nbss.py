"""Episodes of the British screening service (NBSS) as OMI-DB writes them: what biopsies and surgery said of a lesion.

    {episode: {"BIOPSYWIDE": {"L": {"1": {"Opinion": "B5", ...}}, "left_opinion": ...}, "SURGERY": ..., "LESION": ...}}

Opinions are B1 to B5 (wide biopsy) and H1 to H5 (surgery): 5 malignant, 4 suspicious, 2 benign, 3 benign of uncertain
potential. Beside them stand some forty fields of the specimen, most of them empty, whose codes mean other things.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mammo.records import LabelSource, Laterality, Pathology

Episode = Mapping[str, Any]
Finding = tuple[Pathology, LabelSource, bool]
"""Label, its source, and whether it is high-risk."""

UNKNOWN: Finding = (Pathology.NONE, LabelSource.NONE, False)

BIOPSIES = ("SURGERY", "BIOPSYWIDE")
TESTS = (*BIOPSIES, "BIOPSYFINE")
LESIONS = (*TESTS, "LESION", "ASSESSMENT", "CLINICAL")
"""Events that name lesions by number."""

CODE = re.compile(r"([BH][1-5])[a-c]?\b", re.IGNORECASE)
CANCER_FIELD = re.compile(r"invasive|in_?situ|dcis|grade|malignancy_?type", re.IGNORECASE)
NOTHING = ("", "0", "n", "no", "none", "null", "false", "c", "na", "ndn", "not assessable")
"""Values that tell of no cancer; c, NA and NDN are the codes of "not assessable"."""

EVENT_DAYS = ("datetaken", "dateperformed")
"""Fields of events, in any case of letters, that tell their day."""

SIDE_OPINIONS = {"malignant": Pathology.MALIGNANT, "benign": Pathology.BENIGN}
SIDES = {Laterality.LEFT: "left_opinion", Laterality.RIGHT: "right_opinion"}
INTERVAL = ("CI", "INTERVAL")


def finding_of(episode: Episode, laterality: Laterality, numbers: list[str]) -> Finding:
    """What is known of the lesions with these numbers: malignant if any is, benign if all are."""
    found = [_of_lesion(episode, laterality, number) for number in numbers]
    malignant = [finding for finding in found if finding[0] is Pathology.MALIGNANT]
    if malignant:
        return malignant[0]
    if not found or any(finding[0] is Pathology.NONE for finding in found):
        return UNKNOWN
    return Pathology.BENIGN, LabelSource.BIOPSY, any(finding[2] for finding in found)


def finding_of_breast(episode: Episode, laterality: Laterality) -> Finding:
    """What is known of the only lesion of a breast: from its biopsy, else the opinion of the breast.

    Unknown where the breast has another number of lesions than one.
    """
    numbers = {number for event in LESIONS for number, _ in _lesions(episode, event, laterality)}
    if len(numbers) != 1:
        return UNKNOWN
    found = finding_of(episode, laterality, list(numbers))
    if found[0] is not Pathology.NONE:
        return found
    for event in BIOPSIES:
        for told in _events(episode, event):
            label = SIDE_OPINIONS.get(str(told.get(SIDES[laterality]) or "").strip().lower())
            if label:
                return label, LabelSource.BREAST_LEVEL, False
    return UNKNOWN


def episode_on(episodes: Iterable[Episode], date: object) -> Episode | None:
    """The episode that a study of this date (YYYY-MM-DD or YYYYMMDD) belongs to, None if there is none.

    It has an event on that day, or else it was open on it.
    """
    day, known = _day(date), list(episodes)
    if not day:
        return None
    seen, opened = ([one for one in known if belongs(one, day)] for belongs in (_has_event, _is_open))
    return next(iter([*seen, *opened]), None)


def is_normal(episode: Episode) -> bool:
    """Whether nothing was biopsied or operated on in an episode, and no interval cancer followed."""
    if any(_events(episode, event) for event in (*TESTS, "INTERVALCANCER")):
        return False
    kind = str(episode.get("EpisodeType") or "").upper()
    return not kind.startswith(INTERVAL) and not episode.get("IntervalCancerDateOfDiagnosis")


def _has_event(episode: Episode, day: str) -> bool:
    rest: list[object] = [episode]
    while rest:
        told = rest.pop()
        if isinstance(told, list):
            rest += told
        elif isinstance(told, dict):
            rest += told.values()
            if any(_day(value) == day for name, value in told.items() if str(name).lower() in EVENT_DAYS):
                return True
    return False


def _is_open(episode: Episode, day: str) -> bool:
    opened, closed = _day(episode.get("EpisodeOpenedDate")), _day(episode.get("EpisodeClosedDate"))
    return bool(opened) and opened <= day <= (closed or "9")


def _day(text: object) -> str:
    """YYYYMMDD of either way in which dates are written."""
    return str(text or "").replace("-", "")[:8]


def _events(episode: Episode, event: str) -> list[Mapping[str, Any]]:
    told = episode.get(event)
    many = told if isinstance(told, list) else [told]
    return [one for one in many if isinstance(one, dict) and one]


def _lesions(episode: Episode, event: str, laterality: Laterality) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for told in _events(episode, event):
        side = told.get(laterality.value)
        for number, fields in (side or {}).items() if isinstance(side, dict) else ():
            yield str(number).lstrip("0"), fields if isinstance(fields, dict) else {}


def _of_lesion(episode: Episode, laterality: Laterality, number: str) -> Finding:
    fields = [
        (str(name), str(value or "").strip())
        for event in BIOPSIES
        for key, told in _lesions(episode, event, laterality)
        if key == number.lstrip("0")
        for name, value in told.items()
    ]
    opinions = [CODE.match(value) for name, value in fields if name.lower() == "opinion"]
    codes = {match[1].upper() for match in opinions if match}
    parts = [value for name, value in fields if CANCER_FIELD.search(name)]
    if codes & {"B5", "H5"} or any(value.lower() not in NOTHING for value in parts):
        return Pathology.MALIGNANT, LabelSource.BIOPSY, False
    if "H2" in codes or (codes & {"B2", "B3"} and "B4" not in codes):  # surgery settles what a biopsy only suspects
        return Pathology.BENIGN, LabelSource.BIOPSY, "B3" in codes
    return UNKNOWN
