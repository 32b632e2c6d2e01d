"""STUDY.yaml: every wrong value is one sentence that names file, key, value and remedy."""

from pathlib import Path
from typing import Any

import pytest

from mammo.records import MammoError, Split
from mammo.serving.studies.settings import Design, Settings
from tests.serving.studies.study_cases import write_study


def test_paths_are_below_the_folder_of_the_file(tmp_path: Path) -> None:
    found = Settings.read(write_study(tmp_path, Path("my/store"), cases=20))
    assert (found.store, found.output) == (tmp_path / "my/store", tmp_path / "study")
    assert (found.split, found.lesions, found.cases) == (Split.TEST, (), 20)
    assert (found.design, found.days, found.readers) == (Design.SEQUENTIAL, 0.0, ("R1", "R2"))


def test_lesions_can_be_listed(tmp_path: Path) -> None:
    words = {"split": None, "lesions": "[b, a]", "design": "independent", "days": 28}
    found = Settings.read(write_study(tmp_path, tmp_path, **words))
    assert (found.split, found.lesions, found.days) == (None, ("b", "a"), 28.0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sed": 1}, "the key sed is unknown (did you mean seed?)"),
        ({"seed": None}, "the key seed is missing"),
        ({"seed": -1}, "seed is -1: give a whole number from 0 to"),
        ({"seed": "true"}, "seed is True"),
        ({"name": "''"}, "name is ''"),
        ({"name": "12"}, "name is 12: give a text"),
        ({"store": "[1]"}, "store is [1]: give the path of a folder"),
        ({"split": "all"}, "split is 'all': give train, val, test"),
        ({"split": None}, "give one of the keys split and lesions"),
        ({"lesions": "[a]"}, "give one of the keys split and lesions"),
        ({"split": None, "lesions": "[]"}, "lesions is []: give a list"),
        ({"split": None, "lesions": "[12]"}, "quote numbers"),
        ({"split": None, "lesions": "[a, b, a]"}, "lesions has 'a' twice"),
        ({"cases": 1}, "cases is 1: give a whole number from 2"),
        ({"design": "crossed"}, "design is 'crossed': give sequential or independent"),
        ({"days": 3}, "days is 3: a sequential design has one session"),
        ({"design": "independent"}, "the key days is missing"),
        ({"design": "independent", "days": "'3'"}, "days is '3': give a number of days from 0 to 3650, without quotes"),
        ({"design": "independent", "days": -1}, "days is -1: give a number of days"),
        ({"design": "independent", "days": ".nan"}, "days is nan"),
        ({"readers": "[]"}, "readers is []: give a list of 1 to 64 codes"),
        ({"readers": "R1"}, "readers is 'R1': give a list"),
        ({"readers": "[R1, ../x]"}, "readers has '../x', which is not a code"),
        ({"readers": "['-1']"}, "readers has '-1', which is not a code"),
        ({"readers": "[1]"}, "readers has '1', which is not a code"),
        ({"readers": "[R1, r1]"}, "twice: give every reader a code of their own"),
        ({"output": "''"}, "output is ''"),
    ],
)
def test_wrong_values_are_one_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    path = write_study(tmp_path, tmp_path, **changes)
    with pytest.raises(MammoError) as error:
        Settings.read(path)
    assert str(error.value).startswith(str(path))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["[1, 2]", "a: [", "a: &x [1]\nb: *x", "\0", ""])
def test_what_is_no_table_of_keys_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(content)
    with pytest.raises(MammoError, match=str(path)):
        Settings.read(path)


def test_a_tab_and_a_missing_key_say_what_to_write(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("name: a\nreaders:\n\t- R1\n")
    with pytest.raises(MammoError, match=r"study\.yaml, line 3, begins with a tab: use spaces"):
        Settings.read(path)
    path.write_text("name: a\nstore: s\ndesign: sequential\n")
    with pytest.raises(MammoError, match="the key seed is missing: give it, as in seed: 1"):
        Settings.read(path)
