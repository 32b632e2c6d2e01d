"""Imitations of CBIS-DDSM; quoted comments are the published facts that they reproduce."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box, Frame
from mammo.ingestion.cohort_lesions import unique_lesions
from mammo.intake.adapters import read_cohort
from mammo.intake.adapters.cbis_ddsm import read
from mammo.intake.gate import admit
from mammo.intake.rejections import Code
from mammo.records import Cohort, Density, LabelSource, Laterality, MammoError, Pathology, Split, View
from tests.intake.adapters.conftest import ReadBombs, RenameFiles

MASS = (
    "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,mass margins,"
    "assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path"
)
CALC = MASS.replace("breast_density", "breast density").replace(
    "mass shape,mass margins", "calc type,calc distribution"
)
OLDER = (
    "patient_id,breast_density,side,view,abn_num,abnormality_type,mass_shape,mass_margins,assessment,pathology,"
    "subtlety,od_img_path,od_crop_path,mask_path"
)
LAYOUTS = ("classic", "png", "descriptive", "flat", "jpeg")


@dataclass
class Imitation:
    """A small copy of the data set in one of its layouts, to which lesions are added."""

    root: Path
    layout: str
    write: object
    breast: NDArray[np.uint16]
    rows: dict[str, list[str]] = field(default_factory=dict)
    uids: Iterator[int] = field(default_factory=lambda: iter(range(10**5, 10**6, 137)))
    films: dict[str, tuple[str, str]] = field(default_factory=dict)
    metadata: list[str] = field(default_factory=list)

    def uid(self) -> str:
        return f"1.3.6.1.4.1.9590.100.1.2.{next(self.uids)}06269"[:-5] + f"{next(self.uids) % 10**5:05d}"

    def series(self, folder: str, study: str, number: str, what: str, files: list[NDArray[np.generic]]) -> None:
        here = {
            "classic": f"CBIS-DDSM/{folder}/{study}/{number}",
            "png": f"CBIS-DDSM/{folder}/{study}/{number}",
            "descriptive": f"manifest-Zkh/CBIS-DDSM/{folder}/07-20-2016-DDSM-NA-{study[-5:]}/"
            f"1.000000-{what}-{number[-5:]}",
            "flat": f"tciaDownload/{number}",
            "jpeg": f"jpeg/{number}",
        }[self.layout]
        for index, pixels in enumerate(files):
            name = f"1-{index + 1}.dcm"
            if self.layout == "png":
                name = f"00000{index}.png"
            if self.layout == "jpeg":
                name, pixels = f"{index + 1}-{int(number[-3:])}.jpg", (pixels >> (4 if pixels.dtype == "u2" else 0))
                pixels = pixels.astype(np.uint8)
            tags = {"PatientID": folder, "ImageLaterality": None, "ViewPosition": None, "SeriesDescription": what}
            self.write(self.root / here / name, pixels, **tags)
        place = here.removeprefix("manifest-Zkh/").replace("/", "\\")
        self.metadata.append(
            f"{number},CBIS-DDSM,YES,,{folder},{study},,07-20-2016,{what},,MG,SC,1.2.840.10008.5.1.4.1.1.7,"
            f"1,1 MB,.\\{place},now"
        )

    def add(
        self,
        table: str,
        patient: str,
        side: str,
        view: str,
        number: int,
        pathology: str,
        mask: NDArray[np.uint8],
        swapped: bool = False,
        split_series: bool = False,
        what: str = "ROI mask images",
        shape: tuple[int, int] = (64, 48),
    ) -> None:
        kind, split = table.split("_")
        prefix = {"mass": "Mass", "calc": "Calc"}[kind] + {"train": "-Training", "test": "-Test"}[split]
        folder = f"{prefix}_{patient}_{side}_{view}"
        if folder not in self.films:
            self.films[folder] = (self.uid(), self.uid())
            pixels = self.breast if side == "LEFT" else self.breast[:, ::-1]
            self.series(folder, *self.films[folder], "full mammogram images", [np.ascontiguousarray(pixels)])
        crop = np.ascontiguousarray(self.breast[20:40, 5:25])
        folders = [(self.uid(), self.uid()) for _ in range(2 if split_series else 1)]
        contents = [[crop], [mask]] if split_series else [[mask, crop] if swapped else [crop, mask]]
        for (study, series), files in zip(folders, contents, strict=True):
            self.series(f"{folder}_{number}", study, series, what, files)
        paths = [f"{folder}_{number}/{study}/{series}/000000.dcm" for study, series in (folders[0], folders[-1])]
        if swapped:
            paths.reverse()
        full = "/".join((folder, *self.films[folder], "000000.dcm"))
        quoted = [paths[0], f'"{paths[1]}\n"'] if kind == "mass" else [f'"{paths[0]}\n"', paths[1]]
        kind_name = {"mass": "mass", "calc": "calcification"}[kind]
        row = [patient, "3", side, view, str(number), kind_name, "N/A", "NA", "4", pathology, "4", full, *quoted]
        self.rows.setdefault(table, []).append(",".join(row))

    def finish(self) -> Path:
        for table, rows in self.rows.items():
            kind, split = table.split("_")
            file = self.root / ("csv" if self.layout == "jpeg" else "") / f"{kind}_case_description_{split}_set.csv"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes("\r\n".join([MASS if kind == "mass" else CALC, *rows, ""]).encode())
        return self.root


def rectangle(row0: int, row1: int, col0: int, col1: int, shape: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    mask[row0:row1, col0:col1] = 255
    return mask


@pytest.fixture(params=LAYOUTS)
def imitation(request: pytest.FixtureRequest, tmp_path: Path, write: object, breast: NDArray[np.uint16]) -> Imitation:
    return Imitation(tmp_path, request.param, write, breast)


def read_all(it: Imitation) -> Cohort:
    """Add every known irregularity, and read the folder."""
    it.add("mass_train", "P_00001", "LEFT", "CC", 1, "MALIGNANT", rectangle(20, 30, 5, 15))
    # "An image can hold both classes: 6 mass-train"
    it.add("mass_train", "P_00001", "LEFT", "CC", 2, "BENIGN", rectangle(40, 48, 8, 16))
    # "crop and mask columns are reversed 'a lot across all CSV files'"
    it.add("mass_train", "P_00001", "LEFT", "MLO", 1, "MALIGNANT", rectangle(16, 32, 8, 24), swapped=True)
    # "BENIGN_WITHOUT_CALLBACK -> not biopsied: exclude from benign training/eval"
    it.add("calc_train", "P_00005", "RIGHT", "CC", 1, "BENIGN_WITHOUT_CALLBACK", rectangle(24, 32, 24, 40))
    # "The 104 rows (92+11+1) have crop and mask in two different series under the same `_k` folder name."
    it.add("calc_train", "P_00474", "LEFT", "MLO", 1, "BENIGN", rectangle(24, 40, 8, 24), split_series=True)
    # "31 patients are in train of one kind and test of the other" and "the same film appears once under Mass-… and
    # once under Calc-… with different UIDs"
    it.add("mass_train", "P_00041", "RIGHT", "MLO", 1, "BENIGN", rectangle(16, 24, 24, 40))
    it.add("calc_test", "P_00041", "RIGHT", "MLO", 1, "MALIGNANT", rectangle(32, 40, 24, 40))
    # "3 combined series mislabelled 'cropped images'"
    it.add("mass_test", "P_00016", "LEFT", "CC", 1, "BENIGN", rectangle(16, 24, 8, 16), what="cropped images")
    # "Most are a uniform scale (~1.149, two digitizers) -> nearest-neighbour resize is right when aspect ratios agree"
    scaled = cv2.resize(rectangle(16, 32, 8, 24), (55, 74), interpolation=cv2.INTER_NEAREST)
    it.add("mass_test", "P_00145", "LEFT", "CC", 1, "MALIGNANT", scaled)
    # "otherwise drop"
    it.add("mass_test", "P_00353", "LEFT", "CC", 1, "MALIGNANT", rectangle(16, 32, 8, 24, (64, 60)))
    return read(it.finish())


def test_every_record_of_every_layout(imitation: Imitation) -> None:
    cohort = read_all(imitation)
    images = [(i.patient_key, i.laterality, i.view, i.split, i.code) for i in cohort.images]
    left, right = Laterality.LEFT, Laterality.RIGHT
    assert images == [
        ("P_00001", left, View.CC, Split.TRAIN, ""),
        ("P_00001", left, View.MLO, Split.TRAIN, ""),
        ("P_00005", right, View.CC, Split.TRAIN, ""),
        ("P_00016", left, View.CC, Split.TEST, ""),
        ("P_00041", right, View.MLO, Split.TEST, cohort.images[4].code),
        ("P_00041", right, View.MLO, Split.TEST, cohort.images[5].code),
        ("P_00145", left, View.CC, Split.TEST, ""),
        ("P_00353", left, View.CC, Split.TEST, ""),
        ("P_00474", left, View.MLO, Split.TRAIN, ""),
    ]
    assert {image.density for image in cohort.images} == {Density.C}
    assert sorted(image.code for image in cohort.images[4:6]) == ["", Code.DUPLICATE]
    biopsy, none = LabelSource.BIOPSY, LabelSource.NONE
    wanted = [
        ("P_00001_L_CC_mass_1", Pathology.MALIGNANT, biopsy, Box(20, 30, 5, 15)),
        ("P_00001_L_CC_mass_2", Pathology.BENIGN, biopsy, Box(40, 48, 8, 16)),
        ("P_00001_L_MLO_mass_1", Pathology.MALIGNANT, biopsy, Box(16, 32, 8, 24)),
        ("P_00005_R_CC_calc_1", Pathology.NONE, none, Box(24, 32, 24, 40)),
        ("P_00016_L_CC_mass_1", Pathology.BENIGN, biopsy, Box(16, 24, 8, 16)),
        ("P_00041_R_MLO_calc_1", Pathology.MALIGNANT, biopsy, Box(32, 40, 24, 40)),
        ("P_00041_R_MLO_mass_1", Pathology.BENIGN, biopsy, Box(16, 24, 24, 40)),
        ("P_00145_L_CC_mass_1", Pathology.MALIGNANT, biopsy, Box(16, 32, 8, 24)),
        ("P_00474_L_MLO_calc_1", Pathology.BENIGN, biopsy, Box(24, 40, 8, 24)),
    ]
    assert {lesion.birads for lesion in cohort.lesions} == {"4"}
    found = [(lesion.lesion_key, lesion.label, lesion.label_source, lesion.box) for lesion in cohort.lesions]
    assert [row[:3] for row in found] == [row[:3] for row in wanted]
    for got, box in zip(found, [row[3] for row in wanted], strict=True):
        edges = np.subtract(astuple(got[3]), astuple(box))
        assert np.abs(edges).max() <= (1 if got[0].startswith("P_00145") else 0)
    (kept,) = [image.path for image in cohort.images[4:6] if not image.code]
    assert {lesion.path for lesion in cohort.lesions if lesion.lesion_key.startswith("P_00041")} == {kept}
    assert [lesion.code for lesion in cohort.left_out] == [Code.OUTLINE_SIZE]
    (image,) = [lesion.image for lesion in cohort.left_out]
    assert image in {one.path for one in cohort.images}
    assert "Mass-Test_P_00353_LEFT_CC" in image or "11013810275" in image  # some layouts have only UIDs in paths
    assert cohort.notes == ("1 patients are in both of the official splits; all their images are in test here",)
    counts = {count.what: count.found for count in cohort.counts}
    assert counts == {
        "lesion views": 10,
        "images": 9,
        "films": 8,
        "patients": 7,
        "malignant": 5,
        "benign": 4,
        "not biopsied": 1,
        "patients in both splits": 1,
    }


def test_numbers_join_the_views_of_a_breast_unless_they_contradict_each_other(
    tmp_path: Path, write: object, breast: NDArray[np.uint16]
) -> None:
    it, mask = Imitation(tmp_path, "classic", write, breast), rectangle(20, 30, 5, 15)
    for view in ("CC", "MLO"):
        it.add("mass_train", "P_00001", "LEFT", view, 1, "MALIGNANT", mask)
        it.add("calc_train", "P_00001", "LEFT", view, 1, "BENIGN", mask)
    it.add("mass_train", "P_00001", "LEFT", "MLO", 2, "BENIGN", mask)
    # "P_00419 LEFT: abn 1 is BENIGN in CC but MALIGNANT in MLO and abn 2 the reverse"
    for view, words in (("CC", ("BENIGN", "MALIGNANT", "BENIGN")), ("MLO", ("MALIGNANT", "BENIGN", "BENIGN"))):
        for number, word in enumerate(words, 1):
            it.add("mass_train", "P_00419", "LEFT", view, number, word, mask)
    # "P_01200 LEFT (BENIGN vs BWC)"
    it.add("calc_train", "P_01200", "LEFT", "CC", 1, "BENIGN", mask)
    it.add("calc_train", "P_01200", "LEFT", "MLO", 1, "BENIGN_WITHOUT_CALLBACK", mask)
    found: dict[str, list[str]] = {}
    for lesion in read(it.finish()).lesions:
        found.setdefault(lesion.finding_key, []).append(lesion.lesion_key.partition("_L_")[2])
    assert len(found.pop("")) == 6 + 2
    assert found == {
        "P_00001_L_mass_1": ["CC_mass_1", "MLO_mass_1"],
        "P_00001_L_calc_1": ["CC_calc_1", "MLO_calc_1"],
        "P_00001_L_mass_2": ["MLO_mass_2"],
    }


def test_film_without_laterality_and_view_in_its_header_is_accepted(imitation: Imitation) -> None:
    cohort = read_all(imitation)
    for image in cohort.images:
        if not image.code:
            assert admit(imitation.root, image, Frame(92, 60, 2), 1).chain.mirrored == (image.laterality == "R")


@pytest.mark.parametrize("layout", ["classic", "descriptive"])
def test_files_are_found_with_any_suffix(
    layout: str, tmp_path: Path, write: object, breast: NDArray[np.uint16], rename_files: RenameFiles
) -> None:
    read_all(Imitation(tmp_path, layout, write, breast))
    rename_files(read, tmp_path)


def test_metadata_csv_finds_series_whose_folders_were_renamed(
    tmp_path: Path, write: object, breast: NDArray[np.uint16]
) -> None:
    # "`File Location` = relative dir starting `./` or `.\` (backslashes on Windows)"
    it = Imitation(tmp_path, "descriptive", write, breast)
    it.add("mass_train", "P_00001", "LEFT", "CC", 1, "MALIGNANT", rectangle(20, 30, 5, 15))
    root = it.finish()
    for folder in sorted(root.glob("manifest-Zkh/CBIS-DDSM/*/*/*")):
        folder.rename(folder.with_name(folder.name[:-6]))
    rows = [row.replace(f"-{row.split(',')[0][-5:]},now", ",now") for row in it.metadata]
    header = "Series UID,Collection,3rd Party Analysis,Data Description URI,Subject ID,Study UID,File Location"
    # "in some downloads pandas shifts the columns by one (rows have one more comma than the header)"
    (root / "manifest-Zkh" / "metadata.csv").write_text("\n".join([header, rows[0], f",{rows[1]}"]))
    assert [lesion.box for lesion in read(root).lesions] == [Box(20, 30, 5, 15)]


def test_older_column_names_and_missing_files(tmp_path: Path, write: object, breast: NDArray[np.uint16]) -> None:
    # "Older variant seen in the wild (same data): ... with Windows backslashes in paths"
    it = Imitation(tmp_path, "classic", write, breast)
    it.add("mass_train", "P_00001", "LEFT", "CC", 1, "MALIGNANT", rectangle(20, 30, 5, 15))
    it.add("mass_train", "P_00002", "LEFT", "CC", 1, "BENIGN", rectangle(20, 30, 5, 15))
    file = it.finish() / "mass_case_description_train_set.csv"
    file.write_text(file.read_text().replace(MASS, OLDER).replace("/", "\\"))
    (tmp_path / read(tmp_path).images[0].path).unlink()
    cohort = read(tmp_path)
    assert [image.code for image in cohort.images] == [Code.MISSING, ""]
    assert [lesion.path for lesion in cohort.lesions] == [cohort.images[1].path]
    assert [lesion.code for lesion in cohort.left_out] == [Code.OUTLINE_UNLINKED]


def test_invalid_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match="_case_description_"):
        read_cohort("cbis_ddsm", tmp_path)
    file = tmp_path / "mass_case_description_train_set.csv"
    file.write_text(f"{MASS}\nP_1,3,LEFT,XX,1,mass,,,4,BENIGN,4,a/b/c/d,a/b/c/d,a/b/c/d\n")
    with pytest.raises(MammoError, match="row 2: patient_id 'P_1'"):
        read(tmp_path)
    file.write_text(f"{MASS}\nP_1,3,LEFT,CC,1,mass,,,4,MAYBE,4,a/b/c/d,a/b/c/d,a/b/c/d\n")
    with pytest.raises(MammoError, match="row 2: pathology 'MAYBE': must be one of"):
        read(tmp_path)


@pytest.mark.parametrize("layout", ["descriptive", "jpeg"])
def test_only_the_outlines_of_bombs_are_left_out(
    layout: str, tmp_path: Path, write: object, breast: NDArray[np.uint16], read_bombs: ReadBombs
) -> None:
    it = Imitation(tmp_path, layout, write, breast)
    it.add("mass_train", "P_00001", "LEFT", "CC", 1, "MALIGNANT", rectangle(20, 30, 5, 15))
    cohort = read_bombs(read, it.finish())
    assert [lesion.code for lesion in cohort.left_out] == [Code.TOO_LARGE]


def test_a_damaged_crop_does_not_affect_its_outline(tmp_path: Path, write: object, breast: NDArray[np.uint16]) -> None:
    it = Imitation(tmp_path, "classic", write, breast)
    it.add("mass_train", "P_00001", "LEFT", "CC", 1, "MALIGNANT", rectangle(20, 30, 5, 15))
    root = it.finish()
    (crop,) = root.rglob("*_1/*/*/1-1.dcm")
    crop.write_bytes(crop.read_bytes()[:-9])
    assert [lesion.box for lesion in read(root).lesions] == [Box(20, 30, 5, 15)]
    (crop.parent / "1-2.dcm").unlink()
    assert [lesion.code for lesion in read(root).left_out] == [Code.CUT_OFF]


@pytest.mark.parametrize("imitation", ["flat"], indirect=True)
def test_rows_that_occur_twice_are_one_lesion_in_the_store(imitation: Imitation) -> None:
    expected = [lesion.lesion_key for lesion in read_all(imitation).lesions]
    imitation.rows["mass_train"].append(imitation.rows["mass_train"][0])
    repeated = read(imitation.finish()).lesions
    assert len(repeated) == len(expected) + 1
    assert [lesion.lesion_key for lesion in unique_lesions(repeated)] == expected
