"""An imitation of OMI-DB; quoted comments are the published facts that it reproduces."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box, Frame
from mammo.intake.adapters.omidb import read
from mammo.intake.gate import admit
from mammo.intake.rejections import Code
from mammo.records import LabelSource, Laterality, MammoError, Pathology, View
from tests.intake.adapters.conftest import ReadBombs, RenameFiles

PRESENTATION = "FOR PRESENTATION"


def mark(linked: str | None, **changes: object) -> dict[str, object]:
    """Corners are "(strings)"; "Docs call (x1,y1) lower-left and (x2,y2) upper-right: order them with min/max"."""
    fields = {
        "MarkID": "1",
        "LinkedNBSSLesionNumber": linked,
        "X1": "5",
        "Y1": "40",
        "X2": "15",
        "Y2": "30",
        "Mass": "1",
    }
    return fields | changes


@pytest.fixture
def omidb(tmp_path: Path, write: Callable[..., None], breast: NDArray[np.uint16]) -> Path:
    return write_omidb(tmp_path, write, breast)


def write_omidb(folder: Path, write: Callable[..., None], breast: NDArray[np.uint16]) -> Path:
    root = folder / "sharing"

    def image(
        client: str, study: str, sop: str, position: str, json_name: str = "{}.json", intent: str = PRESENTATION
    ) -> None:
        side = "R" if position.startswith("R") else "L"
        pixels = np.ascontiguousarray(breast if side == "L" else breast[:, ::-1])
        write(root / "images" / client / study / f"{sop}.dcm", pixels, ImageLaterality=side)
        tags = {"00200062": side, "00185101": position, "00080068": intent}
        header = {tag: {"vr": "CS", "Value": [value]} for tag, value in tags.items()}
        file = root / "data" / client / study / json_name.format(sop)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(header))

    def tables(client: str, studies: object, episodes: object, capitals: bool = False) -> None:
        for name, content in (("imagedb", {"Site": "adde", "STUDIES": studies}), ("nbss", episodes)):
            name = name.upper() if capitals else name  # "IMAGEDB_/NBSS_ also occur"
            (root / "data" / client / f"{name}_{client}.json").write_text(json.dumps(content))

    # view strings "`LMLO/RMLO/LCC/RCC`, extra LMO, ML, XCCL"; "keep 0008,0068 FOR PRESENTATION"
    image("demd1", "1.1", "1.1.1", "LCC")
    image("demd1", "1.1", "1.1.2", "RMLO", "{}.dcm.json")
    image("demd1", "1.1", "1.1.3", "LMO")
    image("demd1", "1.1", "1.1.4", "LMLO", intent="FOR PROCESSING")
    image("demd1", "1.2", "1.2.7403.0", "LCC")
    studies = {
        "1.1": {
            "StudyDate": "2012-03-04",
            "EpisodeID": "7",
            "1.1.9": {
                "1.1.1": {
                    "a": mark("1"),
                    "b": mark("2"),
                    "c": mark("3", X1="-4", X2="9"),
                    "d": mark("1,2"),
                    "e": mark("9"),
                },
                "1.1.2": {"f": mark("UNLINKED"), "g": mark(None, X1="?"), "j": mark("1", X1="0", Y1="0")},
                "1.1.3": None,
                "1.1.4": None,
            },
        },
        # "EpisodeID missing or not in NBSS (link by dates)"; "study present in imagedb but not on disk"
        "1.2": {
            "StudyDate": "20150101",
            "EpisodeID": None,
            "1.2.9": {"1.2.7403.0": {"h": mark("1")}, "1.2.2": {"i": mark("1")}},
        },
    }
    episodes = {
        "7": {
            "EpisodeType": "F",
            "BIOPSYWIDE": {
                "L": {"1": {"Opinion": "B5b"}, "2": {"Opinion": "B2"}, "3": {"Opinion": "B3"}},
                "R": {"1": {"Opinion": "B1"}},
                "right_opinion": "Normal",
            },
            "SURGERY": {"R": {"1": {"Opinion": "H2"}}},
            "LESION": {"L": {"1": {}, "2": {}, "3": {}, "9": {}}, "R": {"1": {"LesionDescription": "Mass"}}},
        },
        "8": {"EpisodeOpenedDate": "2014-12-01", "EpisodeClosedDate": "2015-02-01"},
    }
    tables("demd1", studies, episodes, capitals=True)
    # "one screening-only client"
    image("optm2", "2.1", "2.1.1", "LCC")
    tables(
        "optm2",
        {"2.1": {"EpisodeID": "1", "2.1.9": {"2.1.1": None}}},
        {"1": {"EpisodeType": "R", "SCREENING": {"L": {}}}},
    )
    return folder


def test_every_record(omidb: Path) -> None:
    cohort = read(omidb)
    left, right, cc, mlo = Laterality.LEFT, Laterality.RIGHT, View.CC, View.MLO
    by_name = {Path(i.path).name: (i.laterality, i.view, i.code, i.negative) for i in cohort.images}
    assert by_name == {
        "1.1.1.dcm": (left, cc, "", False),
        "1.1.2.dcm": (right, mlo, "", False),
        "1.1.3.dcm": (left, None, Code.OTHER_VIEW, False),
        "1.1.4.dcm": (left, mlo, Code.FOR_PROCESSING, False),
        "1.2.7403.0.dcm": (left, cc, "", False),
        "1.2.2.dcm": (None, None, Code.MISSING, False),
        "2.1.1.dcm": (left, cc, "", True),
    }
    malignant, benign, none, biopsy = Pathology.MALIGNANT, Pathology.BENIGN, Pathology.NONE, LabelSource.BIOPSY
    assert [(x.lesion_key, x.label, x.label_source, x.high_risk, x.box) for x in cohort.lesions] == [
        ("1.1.1_a", malignant, biopsy, False, Box(30, 40, 5, 15)),
        ("1.1.1_b", benign, biopsy, False, Box(30, 40, 5, 15)),
        ("1.1.1_c", benign, biopsy, True, Box(30, 40, 0, 9)),  # "B3 = high-risk benign"
        ("1.1.1_d", malignant, biopsy, False, Box(30, 40, 5, 15)),  # "malignant if any"
        ("1.1.1_e", none, LabelSource.NONE, False, Box(30, 40, 5, 15)),  # "no biopsy -> not biopsied"
        ("1.1.2_f", benign, biopsy, False, Box(30, 40, 5, 15)),  # "only if that side has one lesion"
    ]
    assert sorted(lesion.code for lesion in cohort.left_out) == [
        Code.KNOWN_DEFECT,
        Code.OUTLINE_BROKEN,
        Code.OUTLINE_BROKEN,
        Code.OUTLINE_UNLINKED,
    ]
    linked = ["demd1_7_L_1", "demd1_7_L_2", "demd1_7_L_3", "demd1_7_L_1+2", "demd1_7_L_9", ""]  # the last is unlinked
    assert [lesion.finding_key for lesion in cohort.lesions] == linked
    assert [lesion.pathology_type for lesion in cohort.lesions] == ["invasive", "", "", "invasive", "", ""]  # B5b
    lost = {lesion.label for lesion in cohort.left_out if lesion.image.endswith("1.1.2.dcm")}
    assert lost == {benign}  # by the biopsy of its breast, although its corners are damaged or unset
    for record in cohort.images:
        if not record.code:
            assert admit(omidb, record, Frame(92, 60, 2), 1).chain.mirrored == (record.laterality == "R")


def test_headers_of_images_replace_missing_json_headers(omidb: Path) -> None:
    (omidb / "sharing" / "data" / "demd1" / "1.1" / "1.1.1.json").unlink()
    record = next(image for image in read(omidb).images if image.path.endswith("1.1.1.dcm"))
    assert (record.laterality, record.view, record.code) == (Laterality.LEFT, View.CC, "")


def test_a_folder_without_clients_is_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"has no file imagedb_<client>\.json: set data\.source"):
        read(tmp_path)


def test_bombs_are_rejected(omidb: Path, read_bombs: ReadBombs) -> None:
    cohort = read_bombs(read, omidb)
    assert not cohort.lesions
    assert {image.code for image in cohort.images if image.path.endswith("1.1.1.dcm")} == {Code.TOO_LARGE}


def test_files_are_found_with_any_suffix(omidb: Path, rename_files: RenameFiles) -> None:
    rename_files(read, omidb)


def test_marks_of_two_views_that_are_linked_to_the_same_lesions_are_one_finding(omidb: Path) -> None:
    table = omidb / "sharing" / "data" / "demd1" / "IMAGEDB_demd1.json"
    content = json.loads(table.read_text())
    studies = content["STUDIES"]
    studies["1.1"]["1.1.9"]["1.1.4"] = {"k": mark("02, 1"), "l": mark("2")}  # an MLO of the same episode
    studies["1.2"]["EpisodeID"] = "8"
    studies["1.2"]["1.2.9"]["1.2.2"] = {"m": mark("2")}
    table.write_text(json.dumps(content))
    file = omidb / "sharing" / "data" / "demd1" / "1.1" / "1.1.4.json"
    file.write_text(file.read_text().replace("FOR PROCESSING", PRESENTATION))
    found = {lesion.lesion_key: lesion for lesion in read(omidb).lesions}
    assert found["1.1.4_k"].finding_key == found["1.1.1_d"].finding_key == "demd1_7_L_1+2"
    assert found["1.1.4_l"].finding_key == found["1.1.1_b"].finding_key
    assert found["1.1.4_l"].label == found["1.1.1_b"].label
