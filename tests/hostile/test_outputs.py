"""Injection strings from a source through every command: nothing acts in the terminal or in a file that is written."""

import csv
import itertools
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from mammo.intake.adapters import read_cohort
from mammo.records import MammoError
from mammo.text import print_text
from tests.faults.command_lines import FLOC
from tests.faults.forks import launch
from tests.hostile.injections import STRINGS
from tests.hostile.outputs import active, acts_in_terminal, file_name, hostile_source, write_rows

COLUMNS = ("label", "lesion_id", "label_source", "high_risk", "finding", "birads", "pathology_type", "mask", "patient")
COLUMNS += ("exam", "laterality", "view", "density", "split", "pixel_spacing", "outline", "image")
"""Columns of the user's tables."""

TEXT = "_=1+<img src=x onerror=alert(1)>[a](javascript:alert(1))\x1b[2J\u202e$\\x$"
"""The name and the licenses of the bundle, and the name of another model's file."""

LICENSES = ("--data-license", TEXT, "--weights-license", TEXT, "--sensitivity-lesions", "0")
DICOM = ("--dicom",) if find_spec("highdicom") else ()
"""Predictions as DICOM objects, too, where the extra is installed."""

LOGGERS = "logger=[csv,tensorboard,wandb]"
COMMANDS = {
    "ingest": ("ingest", "root={root}", "data=table", "data.source={source}", "frame=eighth", "data.scale=1"),
    "split": ("split", "root={root}", "fractions=[0.4,0.3,0.3]", "allow_empty=true"),
    "verify": ("verify", "{root}", "--processes", "1", "--own-ids"),
    "train": (*FLOC, "trainer.max_epochs=1", LOGGERS),
    "score": ("score", "root={root}", "run={floc}", "n_windows=2", "n_pictures=1", "own_ids=true"),
    "report": ("report", "{root}", "--lesions", "2"),
    "report of another model": ("report", "{root}", "--lesions", "2", "--scores", "{other}"),
    "compare": ("compare", "{floc}/lesions.csv", "{floc}/lesions.csv", "--own-ids"),
    "compare of another model": ("compare", "{floc}/lesions.csv", "{other}"),
    "compare of score files": ("compare", "{scores}", "{scores}"),
    "compare of score files as JSON": ("compare", "--json", "{scores}", "{other}"),
    "bundle": ("bundle", "{floc}", "-o", "{root}/b.bundle", "--name", TEXT, *LICENSES),
    "bundle shown": ("bundle", "--show", "{root}/b.bundle"),
    "bundle shown as JSON": ("bundle", "--show", "--json", "{root}/b.bundle"),
    "predict": ("predict", "{root}/b.bundle", "{source}", "-o", "{root}/out", "--windows", "2", "--no-changes", *DICOM),
    "runs": ("runs", "{root}"),
    "runs as JSON": ("runs", "{root}", "--json"),
}


def filled(words: tuple[str, ...], places: dict[str, Path]) -> list[str]:
    """The words of a command with the places that they name."""
    found = list(words)
    for name, place in places.items():
        found = [word.replace(f"{{{name}}}", str(place)) for word in found]
    return found


@pytest.mark.faults
def test_no_string_of_a_source_acts_in_any_output_of_any_command(small_root: Path, tmp_path: Path) -> None:
    root, scores = tmp_path / "root", tmp_path / "scores.csv"
    places = {
        "root": root,
        "source": tmp_path / "source",
        "scores": scores,
        "other": tmp_path / f"{file_name(TEXT)}.csv",
    }
    root.mkdir()
    n_fields = hostile_source(small_root / "dicom", places["source"])
    rows = [(f"{text}{n}", f"{text}{n // 2}", str(n % 2), "0.5") for n, text in enumerate(STRINGS)]
    write_rows(scores, [dict(zip(("lesion_id", "patient_id", "malignant", "score"), row, strict=True)) for row in rows])
    for name, words in COMMANDS.items():
        if name == "score":
            places["floc"] = next(root.glob("runs/floc-*"))
            shutil.copy(places["floc"] / "lesions.csv", places["other"])
        end = launch(filled(words, places), root).wait()
        assert end.status in (0, 2 if "{scores}" in words else 3), f"{name}: {end.out}{end.err}"
        assert acts_in_terminal(end.out + end.err) == "", name
    found, kinds = active(root)
    print(f"injections: {len(STRINGS)} strings x {n_fields} fields, files {kinds}, {len(found)} act")
    assert n_fields >= 15
    assert all(kinds[kind] for kind in (".html", ".md", ".csv", ".json", ".svg", ".png", ".wandb", ".yaml"))
    assert bool(kinds[".dcm"]) == bool(DICOM)
    assert found == []


def small_source(phantoms: Path, folder: Path) -> list[dict[str, str]]:
    """One image of the phantoms with its mask, and the row of its lesion."""
    with (phantoms / "lesions.csv").open(newline="", encoding="utf-8") as stream:
        row = next(csv.DictReader(stream))
    for name in (row["image"], row["mask"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(phantoms / name, folder / name)
    return [row]


CASES = [f"{column} {number}" for column, number in itertools.product(COLUMNS, range(len(STRINGS)))]


def sampled(names: list[str], every: int) -> list[Any]:
    """Names of cases, of which one in so many is a fast test."""
    return [pytest.param(name, marks=[pytest.mark.faults] if n % every else []) for n, name in enumerate(names)]


@pytest.mark.parametrize("case", sampled(CASES, 197))
def test_what_an_adapter_says_about_a_cell_is_printable(
    case: str, small_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    column, _, number = case.partition(" ")
    (row,) = small_source(small_root / "dicom", tmp_path)
    row[column] = STRINGS[int(number)]
    write_rows(tmp_path / "lesions.csv", [row])
    try:
        cohort = read_cohort("table", tmp_path)
    except MammoError as error:
        print_text(error)
    else:
        for one in (*cohort.images, *cohort.left_out):
            print_text(f"{one} {one.reason}")
        for line in (*cohort.notes, *(lesion.lesion_key for lesion in cohort.lesions)):
            print_text(line)
    printed = capsys.readouterr()
    assert acts_in_terminal(printed.out + printed.err) == ""
