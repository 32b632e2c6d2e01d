"""The comments of a configuration file belong to the keys that a reader would give them to."""

from pathlib import Path

import pytest

from mammo.cli.conf_comments import ConfFile, all_comments

TEXT = """\
# @package _global_
# Bread, with
# or without seeds
defaults:
  - flour: rye   # no key of the configuration

oven: 230        # degrees; a value with
                 # a second line
url: "a#b"       # a sharp in quotes is no comment
plain: a#b       # nor one without a blank before it
bare: 1
# in lines
# of their own
below: 2

# Times of the phases.
minutes:
  rise: 90       # at room temperature
  # of each loaf
  bake: 40
mix: {rye: 1, wheat: {fine: 2}}  # shares
seeds:           # behind a key that holds further ones
  - sunflower
hydra:
  run: x         # not ours
"""


@pytest.fixture
def file(tmp_path: Path) -> ConfFile:
    (tmp_path / "bread.yaml").write_text(TEXT)
    return ConfFile.read(tmp_path / "bread.yaml", "food")


def test_the_head_explains_the_file(file: ConfFile) -> None:
    assert file.head == ("Bread, with", "or without seeds")


@pytest.mark.parametrize(
    ("key", "comment"),
    [
        ("oven", "degrees; a value with a second line"),
        ("url", "a sharp in quotes is no comment"),
        ("plain", "nor one without a blank before it"),
        ("bare", ""),
        ("below", "in lines of their own"),
        ("minutes", "Times of the phases."),
        ("minutes.rise", "at room temperature"),
        ("minutes.bake", "of each loaf"),
        ("seeds", "behind a key that holds further ones"),
        ("mix.rye", "shares"),
        ("mix.wheat.fine", "shares"),
    ],
)
def test_a_comment_explains_its_key(key: str, comment: str, file: ConfFile) -> None:
    assert file.keys[f"food.{key}"] == comment


def test_what_is_no_key_is_left_out(file: ConfFile) -> None:
    assert not [key for key in file.keys if "hydra" in key or "defaults" in key or key == "food.mix"]


def test_a_head_is_no_comment_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# the file\nname: x\n")
    assert ConfFile.read(tmp_path / "a.yaml", "").keys == {"name": ""}


def test_the_last_file_with_a_comment_counts() -> None:
    files = [ConfFile((), {"a": "first", "b": "first"}), ConfFile((), {"a": "second", "b": ""})]
    assert all_comments(files) == {"a": "second", "b": "first"}
