"""Data elements of a DICOM file as bytes, little endian (PS3.5 sections 6 and 7), in their plainest form.

pydicom checks and converts every value of every image anew, which takes longer than drawing a breast's skin and glands.
Here a value is text (several joined by a backslash), a whole number, bytes, or a sequence of items, and is taken as it
is; keywords and representations are pydicom's dictionary's.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from struct import pack
from typing import TypeAlias

from pydicom.datadict import dictionary_VR, tag_for_keyword

Value: TypeAlias = "str | int | bytes | Sequence[Elements]"
Elements: TypeAlias = Mapping[str, Value]
"""Values by keyword."""

LONG = frozenset({"OB", "OW", "SQ"})
"""Representations whose explicit form has a length of 32 bits."""

WHOLE = {"US": "<H", "SS": "<h", "UL": "<I"}

UNDEFINED = 0xFFFFFFFF
ITEM, SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD


def encoded(values: Elements, explicit: bool) -> bytes:
    """The elements in the order of their tags, with explicit or implicit representations.

    Raises:
        KeyError: a keyword that DICOM does not have, or a value that its representation cannot be.
    """
    entries = sorted((*_entry(keyword), value) for keyword, value in values.items())
    return b"".join(element(tag, vr, _content(vr, value, explicit), explicit) for tag, vr, value in entries)


def element(tag: int, vr: str, content: bytes, explicit: bool, undefined: bool = False) -> bytes:
    """One element; if undefined, its length is not told, and its content must be items, which are closed here."""
    length = UNDEFINED if undefined else len(content)
    end = _tag(SEQUENCE_END) + bytes(4) if undefined else b""
    if not explicit:
        form = pack("<I", length)
    else:
        form = vr.encode() + (pack("<HI", 0, length) if vr in LONG else pack("<H", length))
    return _tag(tag) + form + content + end


@cache
def _entry(keyword: str) -> tuple[int, str]:
    """Tag and representation of a keyword."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(f"{keyword} is no keyword of DICOM's dictionary: see PS3.6")
    return tag, dictionary_VR(tag)


def _tag(tag: int) -> bytes:
    return pack("<HH", tag >> 16, tag & 0xFFFF)


def _content(vr: str, value: Value, explicit: bool) -> bytes:
    """A value as bytes, filled up to an even number of them."""
    if isinstance(value, int):
        return pack(WHOLE[vr], value)
    if isinstance(value, str):
        text = value.encode("ascii")
        return text + (b"\0" if vr == "UI" else b" ") * (len(text) % 2)
    if isinstance(value, bytes):
        return value + b"\0" * (len(value) % 2)
    items = (encoded(item, explicit) for item in value)
    return b"".join(_tag(ITEM) + pack("<I", len(item)) + item for item in items)
