"""The words of a command line before Hydra reads them: names and paths as they are typed, keys that may be added.

Hydra reads root=2024_11_28 as the number 20241128, and cannot read root=a(1). Here the text of a key that takes a name
or a path is put into quotes, so that it stays what it is.
"""

import re
from collections.abc import Mapping, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString

from mammo.cli.value_types import ValueType, normalized_path
from mammo.records import MammoError

ADDABLE = ("model.", "callbacks.", "logger.", "intensity.", "trainer.", "backbone.arguments.", "hydra.")
"""Where a key that conf/ lacks may be added with +: all keys there are passed on, and unknown ones are rejected."""

FUNCTION = re.compile(r"(bool|choice|extend_list|float|glob|int|interval|json_str|range|shuffle|sort|str|tag)\(.*\)")
"""Hydra's functions of values and sweeps."""

WORD = re.compile(r"(?P<key>\+{0,2}[\w./@:-]+)=(?P<value>.*)", re.DOTALL)


def parsed(words: Sequence[str]) -> list[Override]:
    """Hydra's reading of overrides; its OverrideParseException where it cannot read one."""
    return OverridesParser.create().parse_overrides(list(words))


def as_typed(words: Sequence[str], types: Mapping[str, ValueType]) -> list[str]:
    """A command line on which names and paths are quoted, as they are typed, and paths are normalized.

    Text in brackets or braces, with an interpolation, or of one of Hydra's functions stays as it is, and null is null;
    commas separate the values of a sweep, unless quotes of the user's own keep them.

    Args:
        words: the command line.
        types: what the keys take.
    """
    return [_quoted(word, types) for word in words]


def _quoted(word: str, types: Mapping[str, ValueType]) -> str:
    found = WORD.fullmatch(word)
    value_type = types.get(found["key"].lstrip("+")) if found else None
    if found is None or value_type is None or not value_type.is_text:
        return word
    value = found["value"].strip()
    if value == "null" or value[:1] in ("", "[", "{") or "${" in value or "???" in value or FUNCTION.fullmatch(value):
        return word
    if value[0] in "'\"":
        given = parsed([word])[0]
        if given.is_sweep_override():
            return word
        texts = [str(given.value())]
    else:
        texts = [text.strip() for text in value.split(",")]
    texts = [normalized_path(text) if value_type.is_path else text for text in texts]
    return f"{found['key']}={','.join(QuotedString(text, Quote.single).with_quotes() for text in texts)}"


def forced(words: Sequence[str]) -> list[str]:
    """A command line whose +key=value also sets a key that exists already; MammoError for a key that nothing reads."""
    result = []
    for word in words:
        bare = word.lstrip("+")
        key = bare.partition("=")[0]
        if word.startswith("+") and not f"{key}.".startswith(ADDABLE):
            raise MammoError(
                f"{word}: {key} cannot be added, nothing would read it: give keys that --help shows, without +"
            )
        result.append(f"++{bare}" if word.startswith("+") else word)
    return result


def check_deleted(words: Sequence[str], types: Mapping[str, ValueType]) -> None:
    """Check that no key that the command needs is left out, as in ~seed.

    Raises:
        MammoError: one is.
    """
    for word in words:
        key = word.removeprefix("~").partition("=")[0]
        needed = key in types or any(name.startswith(f"{key}.") for name in types)
        if word.startswith("~") and needed and key not in ("callbacks", "logger"):
            raise MammoError(f"~{key}: {key} cannot be left out, only changed, as in {key}=...")
