import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo import ingest, split
from mammo.data.datamodule import MammoDataModule
from mammo.data.plans import Quota
from mammo.data.window_sampler import CropSizes
from mammo.records import MammoError, Split
from mammo.store.manifest import Manifest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Nine patients, one image each: three with a malignant, three with a benign and three without a lesion."""
    folder = tmp_path / "dicom"
    folder.mkdir()
    rows, cols = np.mgrid[:200, :120]
    pixels = np.where(((rows - 95.5) / 80) ** 2 + (cols / 90) ** 2 < 1, 2000, 0).astype(np.uint16)
    images, lesions = ["image,patient,exam,laterality,view"], ["image,label,outline"]
    for patient, label in enumerate(["malignant", "benign", ""] * 3):
        texture = np.random.default_rng(patient).integers(0, 500, pixels.shape, dtype=np.uint16)
        cv2.imwrite(str(folder / f"{patient}.png"), np.where(pixels > 0, pixels + texture, 0))
        images.append(f"{patient}.png,{patient},{patient},L,CC")
        if label:
            lesions.append(f'{patient}.png,{label},"90,30;90,50;110,50;110,30"')
    (folder / "images.csv").write_text("\n".join(images))
    (folder / "lesions.csv").write_text("\n".join(lesions))
    (folder / "other.dcm").write_text("no image")
    return folder


def run(command: object, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["mammo", *arguments])
    command.main()  # type: ignore[attr-defined]


def test_ingest_then_split(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as finished:
        run(ingest, monkeypatch, f"root={tmp_path}", "processes=1")
    assert finished.value.code == 3
    printed = capfd.readouterr().out
    assert "10 files, 9 accepted, 0 accepted with flags, 1 rejected, 0 duplicate; 3 malignant and 3 benign" in printed
    assert "\nrejected: 1 not_dicom\n" in printed
    assert "quarantine.csv" in printed
    run(split, monkeypatch, f"root={tmp_path}", "fractions=[0.34,0.33,0.33]")
    *_, overall, caution = capfd.readouterr().out.splitlines()
    assert overall.split() == ["overall", "3", "3", "3", "3", "3"]
    assert caution.startswith("caution: train has 1 malignant lesion and 1 benign lesion, val has 1 malignant lesion")
    manifest = Manifest.load(tmp_path / "store")
    for name in Split:
        assert sorted(manifest.of_split(name).lesions["label"]) == ["benign", "malignant"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dicom", "store"]


def test_a_patient_in_two_splits_is_rejected_everywhere(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (source / "other.dcm").unlink()
    rows = (source / "images.csv").read_text().splitlines()
    column = ["split", *(split for split in Split for _ in range(3))]
    table = "\n".join(f"{row},{split}" for row, split in zip(rows, column, strict=True))
    (source / "images.csv").write_text(table.replace("8.png,8,", "8.png,0,"))
    with pytest.raises(SystemExit):
        run(ingest, monkeypatch, f"root={tmp_path}", "processes=1")
    wrong = "images.csv row 10: split 'test': row 2, of the same patient, has 'train'; put all of a patient's images"
    assert wrong in capfd.readouterr().err
    assert not (tmp_path / "store" / "images.parquet").exists()

    (source / "images.csv").write_text(table)
    run(ingest, monkeypatch, f"root={tmp_path}", "processes=1")
    valid = Manifest.load(tmp_path / "store")
    assert valid.images["split"].tolist() == column[1:]
    contradictory = valid.images.assign(
        patient_id=valid.images["patient_id"].where(valid.images["split"] == "val", "p")
    )
    replace(valid, images=contradictory).save(tmp_path / "store")
    data = MammoDataModule(str(tmp_path / "store"), "images", (), CropSizes((16, 48), 32), Quota(1, 1, 1, 1), 1, 1, {})
    with pytest.raises(MammoError, match=r"patient p is in more than one split: run python -m mammo\.split again"):
        data.split_data(Split.TRAIN)
    run(split, monkeypatch, f"root={tmp_path}", "allow_empty=true")
    assert Manifest.load(tmp_path / "store").images["split"].tolist() == ["test"] * 3 + ["val"] * 3 + ["test"] * 3


def test_a_full_size_image_reaches_the_small_frame(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = cv2.imread(str(source / "2.png"), cv2.IMREAD_UNCHANGED)
    (source / "other.dcm").unlink()
    cv2.imwrite(str(source / "2.png"), np.kron(pixels, np.ones((8, 8), np.uint16)))
    run(ingest, monkeypatch, "data=table", f"data.source={source}", "frame=eighth", f"root={tmp_path}/e", "processes=1")
    manifest = Manifest.load(tmp_path / "e" / "store")
    assert (manifest.frame.height, manifest.frame.width, manifest.frame.grid) == (368, 240, (46, 30))
    plain = manifest.images[manifest.images["flags"] == ""]
    assert len(plain) == 1  # on the others, 200 px high, no breast of full size is found
    assert list(plain["scale"]) == [0.125]
    assert set(manifest.images["flags"]) == {"", "blank"}


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (ingest, [], "is not a folder"),
        (ingest, ["data.adapter=foo"], "data.adapter=foo is unknown"),
        (ingest, ["data=foo"], "choose from cbis_ddsm, "),
        (ingest, ["data=table"], "data.source"),
        (split, [], "no store at"),
    ],
)
def test_wrong_use_is_a_one_line_error(
    command: object,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(command, monkeypatch, f"root={tmp_path}/none", *arguments)
    assert stopped.value.code == 2
    error = capfd.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_an_empty_folder_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dicom").mkdir()
    with pytest.raises(SystemExit):
        run(ingest, monkeypatch, f"root={tmp_path}")
    assert "contains no image" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('nowhere.png,malignant,"90,30;90,50;110,50"', "row 8: image 'nowhere.png'"),
        ('0.png,odd,"90,30;90,50;110,50"', "label has words without a known meaning: 'odd' (first in row 8, 1 in all)"),
        ('0.png,malignant,"90;30"', "row 8: outline '90;30'"),
        ("0.png,malignant,", "row 8: image '0.png': has no outline"),
    ],
)
def test_a_wrong_row_of_lesions_is_named(
    row: str,
    message: str,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    table = source / "lesions.csv"
    table.write_text(f"{table.read_text()}\n{row}\n")
    with pytest.raises(SystemExit) as stopped:
        run(ingest, monkeypatch, f"root={tmp_path}", "processes=1")
    assert stopped.value.code == 2
    lines = capfd.readouterr().err.splitlines()
    assert f"{message}" in lines[-1]
    assert {line.split(":")[0] for line in lines[:-1]} <= {"headers", "outlines"}  # only the progress


def test_a_folder_without_an_image_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "letter.txt").write_text("no image")
    (tmp_path / "dicom" / "lesions.csv").write_text("image,label,mask\n")
    with pytest.raises(SystemExit) as stopped:
        run(ingest, monkeypatch, f"root={tmp_path}", "processes=1")
    assert stopped.value.code == 2
    error = capfd.readouterr().err
    assert "Traceback" not in error
    assert error.splitlines()[-1].startswith("error: ")


@pytest.fixture
def own(source: Path, tmp_path: Path) -> list[str]:
    """What ingests the folder as data of the user's own."""
    (source / "other.dcm").unlink()
    return [
        "data=table",
        f"data.source={source}",
        "frame=eighth",
        "data.scale=1",
        "processes=1",
        f"root={tmp_path}/own",
    ]


def test_own_data_never_go_into_the_demo(
    own: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (own[:-1], [f"data.source={tmp_path}/dicom", "processes=1"]):
        with pytest.raises(SystemExit) as stopped:
            run(ingest, monkeypatch, *words)
        assert stopped.value.code == 2
        assert (
            "error: root= is missing, and runs/demo is the demo's: give root=runs/NAME for data="
            in capfd.readouterr().err
        )
    assert not (tmp_path / "runs" / "demo" / "store").exists()


def test_a_spacing_for_images_without_one_needs_the_scale_that_uses_it(
    own: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(ingest, monkeypatch, *own, "data.options.pixel_spacing=0.07")
    assert stopped.value.code == 2
    assert "data.options.pixel_spacing is used by data.scale=auto only" in capfd.readouterr().err


def test_a_second_source_joins_or_replaces_only_when_asked(
    own: list[str], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run(ingest, monkeypatch, *own)
    run(split, monkeypatch, f"root={tmp_path}/own", "fractions=[0.34,0.33,0.33]")
    assert "9 patients are assigned, 0 keep their place" in capfd.readouterr().out
    for name in "012345":
        image = cv2.imread(str(source / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(source / f"{name}.png"), image // 2)
    with pytest.raises(SystemExit) as stopped:
        run(ingest, monkeypatch, *own, "data.name=mine")
    assert stopped.value.code == 2
    assert "was made from data set table, and this is mine" in capfd.readouterr().err
    with pytest.raises(SystemExit):
        run(ingest, monkeypatch, *own, "data.name=mine", "append=true", "overwrite=true")
    assert "give one" in capfd.readouterr().err
    run(ingest, monkeypatch, *own, "data.name=mine", "append=true")
    printed = capfd.readouterr().out
    assert "9 files, 6 accepted, 0 accepted with flags, 0 rejected, 3 duplicate; 2 malignant and 2 benign" in printed
    assert "3 images are in another source of the store already, which keeps them" in printed
    assert "2 lesions of mine on them are left out" in printed
    assert "the store holds 9 images of table, 6 images of mine" in printed
    assert "6 patients are in no split yet" in printed
    before = Manifest.load(tmp_path / "own" / "store").images["split"]
    run(split, monkeypatch, f"root={tmp_path}/own", "fractions=[0.34,0.33,0.33]")
    assert "6 patients are assigned, 9 keep their place" in capfd.readouterr().out
    after = Manifest.load(tmp_path / "own" / "store").images["split"]
    assert after[before != ""].tolist() == before[before != ""].tolist()
    run(split, monkeypatch, f"root={tmp_path}/own", "seed=3")
    assert "0 patients are assigned, 15 keep their place; again=true assigns all again" in capfd.readouterr().out
    assert Manifest.load(tmp_path / "own" / "store").images["split"].tolist() == after.tolist()
    run(ingest, monkeypatch, *own, "data.name=other", "overwrite=true")
    assert set(Manifest.load(tmp_path / "own" / "store").images["source"]) == {"other"}


def test_the_exit_status_is_three_for_rejected_files_alone(
    own: list[str], source: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, content in {"Thumbs.db": b"\xd0\xcf\x11\xe0", "a.pdf": b"%PDF", "b.docx": b"PK\3\4"}.items():
        (source / name).write_bytes(content)
    (source / "films.zip").write_bytes(b"PK\3\4" + bytes(200))
    run(ingest, monkeypatch, *own)
    assert (
        "10 files, 9 accepted, 0 accepted with flags, 0 rejected, 0 duplicate, 1 not an image;"
        in capfd.readouterr().out
    )
    (source / "other.dcm").write_text("no image")
    with pytest.raises(SystemExit) as finished:
        run(ingest, monkeypatch, *own)
    assert finished.value.code == 3
    run(ingest, monkeypatch, *own, "accept_rejections=true")
    assert "11 files, 9 accepted, 0 accepted with flags, 1 rejected" in capfd.readouterr().out
