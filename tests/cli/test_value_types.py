"""Ranges hold at their limits, booleans are no numbers, and messages show values as they are typed."""

from pathlib import Path

import pytest

from mammo.cli.value_types import (
    ValueType,
    choice,
    either,
    folder,
    listed,
    normalized_path,
    number,
    or_null,
    path,
    shares,
    shown,
    switch,
    whole,
    word,
)


@pytest.mark.parametrize(
    ("value_type", "fitting", "others"),
    [
        (whole(1, 3), [1, 2, 3], [0, 4, 1.0, True, "1", None, [1]]),
        (whole(0), [0, 2**31 - 1], [-1, 2**31, False]),
        (number("above 0", "1", lambda x: x > 0), [1, 0.1, 1e30], [0, -1, float("nan"), float("inf"), True, "1"]),
        (switch(), [True, False], [0, 1, "true", "yes", None]),
        (choice("a", "b"), ["a", "b"], ["c", "A", None, ["a"], True]),
        (choice(1, 3), [1, 3], [True, 2, "1"]),
        (word("x"), ["a", "a b", "ü.x", "2024"], ["", " ", "a/b", ".", "..", "-x", 7, None, "a\nb"]),
        (path(), ["a", "/a/b", "a b/c", "a=b", "./x", "..", "C:\\x"], ["", "\t", 7, None, "s3://x", "~x", "a\0b"]),
        (or_null(whole(1)), [None, 1], [0, "null"]),
        (either(whole(1), choice("auto")), [1, "auto"], [0, "aut"]),
        (listed(whole(1), "[1]", least=1, most=2), [[1], [1, 2]], [[], [1, 2, 3], [0], 1, "1", {"a": 1}]),
        (shares(3, "a, b, c", "[1,0,0]"), [[0.8, 0.1, 0.1], [1, 0, 0]], [[0.5, 0.5], [2, -1, 0], [0, 0, 0], None]),
    ],
)
def test_a_type_takes_its_values_and_no_others(
    value_type: ValueType, fitting: list[object], others: list[object]
) -> None:
    assert [value for value in fitting if value_type.problem("key", value)] == []
    assert [value for value in others if not value_type.problem("key", value)] == []


def test_a_name_that_is_too_long_for_a_file_system_is_rejected() -> None:
    assert path().problem("root", "x" * 255) is None
    assert path().problem("root", f"a/{'ü' * 128}") is not None


def test_a_folder_cannot_lie_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert folder().problem("root", str(tmp_path / "new" / "deeper")) is None
    assert folder().problem("root", str(tmp_path)) is None
    for text in (tmp_path / "file", tmp_path / "file" / "below"):
        assert f"({tmp_path / 'file'} is a file)" in str(folder().problem("root", str(text)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        ([1, "a", None], "[1,a,null]"),
        ({"a": [False]}, "{a: [false]}"),
        ("", ""),
        ("x" * 500, "x" * 117 + "..."),
    ],
)
def test_a_value_is_shown_as_it_is_typed(value: object, expected: str) -> None:
    assert shown(value) == expected


def test_a_wrong_word_gets_the_nearest_one() -> None:
    assert choice("embeddings", "saliency").problem("what", "salency") == (
        "what=salency (did you mean saliency?): choose from embeddings, saliency"
    )


def test_a_home_that_is_unknown_stays_and_a_known_one_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert normalized_path("~/x") == "/home/me/x"
    assert normalized_path("~nobodyatall/x") == "~nobodyatall/x"
    assert normalized_path("a/~/x") == "a/~/x"
