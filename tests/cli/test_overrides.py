"""Names and paths reach the configuration as they are typed; everything else is left to Hydra."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo.cli.overrides import as_typed, check_deleted, forced, parsed
from mammo.cli.value_types import ValueType, folder, listed, whole, word
from mammo.records import MammoError

TYPES: dict[str, ValueType] = {"root": folder(), "group": word("x"), "n": whole(0), "allow": listed(word("x"), "[x]")}


@pytest.mark.parametrize(
    ("given_word", "expected"),
    [
        ("root=2024_11_28", "root='2024_11_28'"),
        ("++root=7", "++root='7'"),
        ("group=007", "group='007'"),
        ("root= a b ", "root='a b'"),
        ("root=a=b", "root='a=b'"),
        ("root=a,1_0", "root='a','1_0'"),
        ("root='a,b'", "root='a,b'"),
        ('root="it\'s"', "root='it\\'s'"),
        ("root='a','b'", "root='a','b'"),
        ("root=null", "root=null"),
        ("root=", "root="),
        ("root=[a,b]", "root=[a,b]"),
        ("root={a: 1}", "root={a: 1}"),
        ("root=${store}/x", "root=${store}/x"),
        ("root=choice(a,b)", "root=choice(a,b)"),
        ("root=draft(1)", "root='draft(1)'"),
        ("n=1_0", "n=1_0"),
        ("allow=[1]", "allow=[1]"),
        ("~root", "~root"),
        ("root", "root"),
        ("--config-name=x", "--config-name=x"),
        ("-m", "-m"),
    ],
)
def test_names_and_paths_are_quoted(given_word: str, expected: str) -> None:
    assert as_typed([given_word], TYPES) == [expected]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12))
def test_any_other_text_is_what_was_typed(text: str) -> None:
    if text[0] in "[{'\"~" or "," in text or "${" in text or "???" in text or text == "null":
        return
    (word,) = as_typed([f"group={text}"], TYPES)
    (override,) = parsed([word])
    assert override.value() == text


def test_quoting_twice_changes_nothing() -> None:
    words = as_typed(["root=it's 7%, (b)", "group='x y'"], TYPES)
    assert as_typed(words, TYPES) == words


def test_a_needed_key_cannot_be_left_out() -> None:
    for wrong in ("~root", "~n=1", "~root=x"):
        with pytest.raises(MammoError, match="cannot be left out, only changed"):
            check_deleted([wrong], TYPES)
    check_deleted(["~hydra/launcher", "~unknown", "root=x"], TYPES)


def test_a_key_can_be_added_only_where_keys_are_passed_on() -> None:
    assert forced(["+trainer.x=1", "++model.y=2", "root=a"]) == ["++trainer.x=1", "++model.y=2", "root=a"]
    with pytest.raises(MammoError, match=r"^\+n=1: n cannot be added"):
        forced(["+n=1"])
