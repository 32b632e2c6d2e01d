"""Independent programs find the results correct: dciodvfy (dicom3tools) and dsrdump (dcmtk)."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from mammo.dicom_out.results import write_dicom_results
from mammo.phantoms.dicom_file import Storage, write_image
from mammo.phantoms.spec import CohortSpec, Key
from mammo.phantoms.transfer_syntaxes import SYNTAXES
from mammo.records import Laterality, View
from tests.dicom_out.predictions import BUNDLE, asymmetric, case, lesion

pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytestmark = pytest.mark.dicom

KNOWN = (
    r"Unrecognized defined term = <99MAMMO>",  # a private coding scheme, identified in the report
    r"Value dubious for this VR \[PN\] = <.*> - Retired Person Name form",  # the mammogram's own name, repeated
    r"The VR checker does not support this Specific Character Set: ISO_IR 192",  # a limit of dsrdump: UTF-8
)
"""Messages that stay; docs/how-to/dicom-results.md says why."""

LACKING = (
    r"Missing attribute or value that would be needed to build DICOMDIR",  # the mammogram has no patient or study id
    r"Laterality\(0020,0060\).* when actually unknown",  # the mammogram states no laterality
)
"""Messages about what the mammogram itself lacks."""

PICTURE = np.zeros((50, 61, 3), np.uint8)


def messages(path: Path, known: Sequence[str] = KNOWN) -> list[str]:
    """What the programs find wrong with a file, but for known messages."""
    commands = [["dciodvfy", "-new", str(path)], *([["dsrdump", str(path)]] if path.name == "report.dcm" else [])]
    outputs = [subprocess.run(command, capture_output=True, text=True, check=False) for command in commands]
    assert outputs[-1].returncode == 0 or path.name != "report.dcm", outputs[-1].stderr
    lines = [line for each in outputs for line in (each.stderr + each.stdout).splitlines()]
    found = [line for line in lines if re.match(r"Error|Warning|[WEF]: ", line)]
    return [line for line in found if not any(re.search(text, line) for text in known)]


def results(folder: Path, source: Dataset) -> Iterator[Path]:
    lesions = lesion(asymmetric()), lesion(np.eye(9, dtype=np.bool_), 200, 100, "Ä")
    scored = case(lesions[0], replace(lesions[1], score_without_context=None, thresholds=(), warnings=()))
    yield from write_dicom_results(scored, source, BUNDLE, [PICTURE, PICTURE], folder)


@pytest.mark.parametrize("inverted", [False, True], ids=["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize("view", [*View])
@pytest.mark.parametrize("laterality", [*Laterality])
def test_results_of_every_laterality_and_view(
    tmp_path: Path, laterality: Laterality, view: View, inverted: bool
) -> None:
    path = tmp_path / "image.dcm"
    key = Key(2, 3, laterality, view)
    write_image(path, np.zeros((416, 320), np.uint16), CohortSpec(seed=2), key, Storage(SYNTAXES[-1], inverted))
    found = {each.name: messages(each) for each in results(tmp_path / "out", pydicom.dcmread(path))}
    assert found == {name: [] for name in ("report.dcm", "outlines.dcm", "picture-1.dcm", "picture-2.dcm")}


def test_results_of_a_mammogram_without_optional_attributes(tmp_path: Path) -> None:
    """Only what nothing can be referred to without; everything else of the patient and study is empty."""
    source = Dataset()
    source.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2"
    source.SOPInstanceUID, source.SeriesInstanceUID, source.StudyInstanceUID = "1.2.3.4", "1.2.3", "1.2"
    source.Rows, source.Columns = 400, 300
    assert {each.name: messages(each, KNOWN + LACKING) for each in results(tmp_path / "out", source)} == {
        name: [] for name in ("report.dcm", "outlines.dcm", "picture-1.dcm", "picture-2.dcm")
    }
