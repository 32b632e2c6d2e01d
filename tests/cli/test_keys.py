"""What every key takes: messages lead to a value that fits, whatever was given."""

import pytest

from mammo.cli.config_check import as_typed, parsed
from mammo.cli.keys import KEYS
from mammo.cli.value_types import ValueType

ALL = sorted({(key, id(types[key])): (name, key) for name, types in KEYS.items() for key in types}.values())
"""A command and a key for every key that differs between commands."""

ODD = (
    *(None, True, False, -1, 0, 1, 7, 10**18, -0.5, 0.0, 0.5, 1.0, 1e300, float("nan"), float("inf")),
    *("", " ", "abc", "true", "null", "a/b", "../x", "~", "a\0b", "line\nbreak", "x" * 5000, "https://host/x", "é"),
    *([], [1, 2], ["a", None], [[1]], {}, {"a": 1}, {"a": {"b": []}}),
)
"""Values of every type that YAML has, and odd ones among them."""


@pytest.mark.parametrize(("name", "key"), ALL)
def test_a_message_names_the_key_and_leads_to_a_value_that_fits(name: str, key: str) -> None:
    value_type = KEYS[name][key]
    for value in ODD:
        problem = value_type.problem(key, value)
        if problem is not None:
            assert problem.startswith(f"{key}=")
            assert ": give " in problem or ": choose from " in problem
            assert len(problem) < 500
    if value_type.example:
        (word,) = as_typed([f"{key}={value_type.example}"], KEYS[name])
        assert value_type.problem(key, parsed([word])[0].value()) is None


@pytest.mark.parametrize(("name", "key"), ALL)
def test_only_a_free_key_takes_everything(name: str, key: str) -> None:
    rejected = [value for value in ODD if KEYS[name][key].problem(key, value) is not None]
    is_free = not KEYS[name][key].wanted
    assert is_free == (rejected == [])


@pytest.mark.parametrize("key", ["root", "store", "out"])
def test_a_folder_key_takes_no_number_and_no_empty_text(key: str) -> None:
    value_type: ValueType = KEYS["score"][key]
    for value in (7, 20241128, 1.5, True, None, "", "  ", ["a"], {"a": 1}):
        assert value_type.problem(key, value) is not None
