"""An imitation of the RSNA screening set; quoted comments are the published facts that it reproduces."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Frame
from mammo.intake.adapters.rsna2022 import read
from mammo.intake.gate import admit
from mammo.intake.rejections import Code
from mammo.records import Density, LabelSource, Laterality, MammoError, Pathology, View
from tests.intake.adapters.conftest import RenameFiles

HEADER = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,density,machine_id,"
    "difficult_negative_case"
)
ROWS = [
    "2,10006,1,L,CC,61.0,0,0,0,,0,,29,False",  # "blank at site 2"
    "2,10006,2,L,CC,61.0,0,0,0,,0,,29,False",  # "Repeated views per breast (several CC)"
    "2,10006,3,L,MLO,,0,0,0,,0,,29,False",
    "2,10006,4,R,MLO,61.0,0,1,0,,0,,29,True",  # "cancer=0 & biopsy=1 = biopsied benign breast"
    "1,10011,5,L,CC,55.0,1,1,1,0,0,C,49,False",
    "1,10011,6,L,AT,55.0,1,1,1,0,0,C,49,False",  # "drop AT/LM/ML/LMO"
    "1,10011,7,R,CC,55.0,0,0,0,1,0,C,49,False",
    "1,10011,8,R,MLO,55.0,0,0,0,1,0,C,49,False",
    "1,10011,9,R,MLO,55.0,0,0,0,1,0,C,49,False",
]


@pytest.fixture(params=["train_images/{p}/{i}.dcm", "train_images/{p}/{i}.png", "{p}_{i}.png"])
def rsna(
    request: pytest.FixtureRequest, tmp_path: Path, write: Callable[..., None], breast: NDArray[np.uint16]
) -> Path:
    return write_rsna(tmp_path, request.param, write, breast)


def write_rsna(folder: Path, layout: str, write: Callable[..., None], breast: NDArray[np.uint16]) -> Path:
    (folder / "train.csv").write_text("\n".join([HEADER, *ROWS]))
    for row in ROWS[:-1]:
        _, patient, image, side, view, *_ = row.split(",")
        pixels = np.ascontiguousarray(breast if side == "L" else breast[:, ::-1])
        tags = {"ImageLaterality": side, "ViewPosition": view}
        if image == "1" and layout.endswith("dcm"):
            pixels, tags = breast.max() - pixels, tags | {"PhotometricInterpretation": "MONOCHROME1"}
        write(folder / layout.format(p=patient, i=image), pixels, **tags)
    return folder


def test_every_record(rsna: Path) -> None:
    cohort = read(rsna)
    left, right, cc, mlo = Laterality.LEFT, Laterality.RIGHT, View.CC, View.MLO
    assert [(i.patient_key, i.exam_key, i.laterality, i.view, i.negative, i.code) for i in cohort.images] == [
        ("10006", "10006", left, cc, True, ""),
        ("10006", "10006", left, cc, True, ""),
        ("10006", "10006", left, mlo, True, ""),
        ("10006", "10006", right, mlo, False, ""),
        ("10011", "10011", left, None, False, Code.OTHER_VIEW),
        ("10011", "10011", left, cc, False, ""),
        ("10011", "10011", right, cc, True, ""),
        ("10011", "10011", right, mlo, True, ""),
        ("10011", "10011", right, mlo, True, Code.MISSING),
    ]
    assert [image.density for image in cohort.images] == [None] * 4 + [Density.C] * 5
    assert cohort.lesions == ()
    found = [(Path(x.path).stem.split("_")[-1], x.label, x.label_source) for x in cohort.findings]
    assert found == [
        ("4", Pathology.BENIGN, LabelSource.BREAST_LEVEL),
        ("6", Pathology.MALIGNANT, LabelSource.BREAST_LEVEL),
        ("5", Pathology.MALIGNANT, LabelSource.BREAST_LEVEL),
    ]
    assert [count.found for count in cohort.counts] == [9, 2, 2, 3]
    for record in cohort.images:
        if not record.code:
            assert admit(rsna, record, Frame(92, 60, 2), 1).chain.mirrored == (record.laterality == "R")


def test_an_invalid_row_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(f"{HEADER}\n2,10006,1,B,CC,61.0,0,0,0,,0,,29,False\n")
    with pytest.raises(MammoError, match="row 2: laterality 'B'"):
        read(tmp_path)


def test_files_are_found_with_any_suffix(rsna: Path, rename_files: RenameFiles) -> None:
    rename_files(read, rsna)
