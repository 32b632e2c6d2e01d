from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from mammo.geometry import Box, Frame
from mammo.ingestion.run import IngestResult, ingest_cohort, ingest_shard
from mammo.ingestion.shard import Shard
from mammo.ingestion.sources import Mode
from mammo.ingestion.worker import Recipe
from mammo.intake import sandbox
from mammo.intake.adapters.table import read
from mammo.intake.gray_values import PixelOptions
from mammo.intake.outcomes import Verdict, counts
from mammo.records import MammoError
from mammo.store import image_store
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from tests.intake.conftest import mammogram

FRAME = Frame(368, 240, 8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three exams of two images each as PNGs; a lesion on the left CC of the first, a file that is not an image."""
    rows, cols = np.mgrid[:200, :120]
    inside = ((rows - 95.5) / 80) ** 2 + (cols / 90) ** 2 < 1
    lines = ["image,patient,exam,laterality,view"]
    for exam in range(3):
        for side in "LR":
            pixels = np.where(inside, 1000 + exam * 100 + rows, 0).astype(np.uint16)
            cv2.imwrite(str(tmp_path / f"{exam}{side}.png"), pixels if side == "L" else pixels[:, ::-1])
            lines.append(f"{exam}{side}.png,ZZCANARY{exam},exam {exam},{side},CC")
    (tmp_path / "images.csv").write_text("\n".join(lines))
    (tmp_path / "lesions.csv").write_text('image,label,outline\n0L.png,malignant,"90,30;90,50;110,50;110,30"\n')
    (tmp_path / "broken.dcm").write_text("nothing")
    return tmp_path


@pytest.fixture
def recipe(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return Recipe(source, tmp_path_factory.mktemp("store"), FRAME, 1)


def tables(recipe: Recipe) -> list[bytes]:
    return [(recipe.store / name).read_bytes() for name in ("images.parquet", "lesions.parquet", "quarantine.csv")]


def rejections(result: IngestResult) -> list[tuple[str, tuple[str, ...]]]:
    return [(o.path, o.codes) for o in result.outcomes if o.verdict is Verdict.REJECTED]


def test_every_file_has_one_outcome(recipe: Recipe, source: Path) -> None:
    result = ingest_cohort(recipe, read(source), 1)
    assert len(result.manifest.images) == 6
    assert rejections(result) == [("broken.dcm", ("not_dicom",))]
    assert sum(counts(result.outcomes).values()) == 7
    assert list(pd.read_csv(recipe.store / "quarantine.csv")["path"]) == ["broken.dcm"]
    assert [o.path for o in result.outcomes[:-1]] == [f"{exam}{side}.png" for exam in range(3) for side in "LR"]
    assert list(result.manifest.images["negative"]) == [False, True, True, True, True, True]
    assert list(result.manifest.images["mirrored"]) == [False, True] * 3


def test_a_breast_with_a_lesion_on_any_image_is_not_negative(recipe: Recipe, source: Path) -> None:
    """Also where the outline cannot be used, or the image with the outline is rejected."""
    for view, stem in (("MLO", "0L"), ("MLO", "1R")):
        pixels = cv2.imread(str(source / f"{stem}.png"), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(source / f"{stem}{view}.png"), pixels + (pixels > 0))
        with (source / "images.csv").open("a") as images:
            images.write(f"\n{stem}{view}.png,ZZCANARY{stem[0]},exam {stem[0]},{stem[1]},{view}")
    (source / "1RMLO.png").write_text("nothing")
    with (source / "lesions.csv").open("a") as lesions:
        lesions.write('1RMLO.png,benign,"90,30;90,50;110,50;110,30"\n')
    cohort = read(source)
    assert [(lesion.path, lesion.image) for lesion in cohort.left_out] == [("1RMLO.png", "1RMLO.png")]
    elsewhere = tuple(replace(lesion, path="the file of its outline") for lesion in cohort.left_out)
    known = tuple(replace(image, negative=False) if image.path == "2L.png" else image for image in cohort.images)
    result = ingest_cohort(recipe, replace(cohort, images=known, left_out=elsewhere), 1)
    path_of = {o.image_id: o.path for o in result.outcomes}
    negative = result.manifest.images["negative"]
    assert {path_of[key] for key in negative.index[negative]} == {"0R.png", "1L.png", "2R.png"}


def test_pixels_and_outlines_reach_the_network_frame(recipe: Recipe, source: Path) -> None:
    manifest = ingest_cohort(recipe, read(source), 1).manifest
    image_id, lesion_id = manifest.images.index[0], manifest.lesions.index[0]
    window = ImageStore(recipe.store).network(image_id, manifest.chain(image_id))
    mask, box = manifest.network_outline(lesion_id)
    inside = window[box.row0 : box.row1, box.col0 : box.col1]
    assert mask.all()
    assert np.array_equal(inside, np.repeat(np.arange(1090, 1110)[:, None], 20, axis=1))
    assert box.col0 == 30
    assert manifest.outline(lesion_id)[1] == Box(90, 110, 30, 50)


def test_the_store_holds_only_pseudonyms_and_paths(recipe: Recipe, source: Path) -> None:
    ingest_cohort(recipe, read(source), 1)
    for path in recipe.store.rglob("*"):
        assert path.is_dir() or b"ZZCANARY" not in path.read_bytes()


def test_a_finding_has_one_pseudonym_in_all_views_and_its_own_id_is_in_no_file(recipe: Recipe, source: Path) -> None:
    pixels = cv2.imread(str(source / "0L.png"), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(source / "0LMLO.png"), pixels + (pixels > 0))
    with (source / "images.csv").open("a") as images:
        images.write("\n0LMLO.png,ZZCANARY0,exam 0,L,MLO")
    rows = (("0L", "ZZCANARYF"), ("0LMLO", "ZZCANARYF"), ("1L", "ZZCANARYG"), ("2L", ""))
    lines = [f'{image}.png,benign,"90,30;90,50;110,50;110,30",{finding}' for image, finding in rows]
    (source / "lesions.csv").write_text("\n".join(["image,label,outline,finding_id", *lines]))
    findings = ingest_cohort(recipe, read(source), 1).manifest.lesions["finding_id"].tolist()
    assert len(findings[0]) == 20
    assert findings[0] == findings[1] not in ("", findings[2])
    assert findings[3] == ""
    other = ingest_cohort(replace(recipe, store=recipe.store / "other"), read(source), 1)
    assert not set(findings[:3]) & set(other.manifest.lesions["finding_id"])
    for path in recipe.store.rglob("*"):
        assert path.is_dir() or b"ZZCANARY" not in path.read_bytes()


def test_a_rerun_decodes_nothing_and_changes_nothing(recipe: Recipe, source: Path) -> None:
    ingest_cohort(recipe, read(source), 1)
    before = tables(recipe)
    assert ingest_cohort(recipe, read(source), 1).decoded == 0
    assert tables(recipe) == before


def test_a_damaged_store_is_completed(recipe: Recipe, source: Path) -> None:
    ingest_cohort(recipe, read(source), 1)
    before = tables(recipe)
    complete = read_all(recipe.store)
    for path in (recipe.store / "images").glob("*.tiles"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    image_store._record_files.cache_clear()
    image_store._opened.cache_clear()
    assert len(read_all(recipe.store)) < len(complete)
    (recipe.store / "images.parquet").unlink()
    ingest_cohort(recipe, read(source), 1)
    assert tables(recipe) == before
    assert read_all(recipe.store) == complete


def read_all(root: Path) -> dict[str, bytes]:
    """The pixels of every image that the store holds."""
    store, found = ImageStore(root), {}
    for image_id in pd.read_parquet(root / "images.parquet")["image_id"]:
        if store.note(image_id):
            rows, cols = store.shape(image_id)
            found[image_id] = store.read(image_id, Box(0, rows, 0, cols)).tobytes()
    return found


def test_a_store_ingested_again_drops_its_old_files(recipe: Recipe, source: Path) -> None:
    ingest_cohort(recipe, read(source), 1)
    (before,) = (recipe.store / "images").glob("*.tiles")
    image_store._record_files.cache_clear()
    ingest_cohort(Recipe(source, recipe.store, Frame(184, 120, 4), 0.5), read(source), 1, mode=Mode.OVERWRITE)
    (after,) = (recipe.store / "images").glob("*.tiles")
    assert after != before


def test_a_changed_file_or_frame_is_read_again(recipe: Recipe, source: Path) -> None:
    ingest_cohort(recipe, read(source), 1)
    cv2.imwrite(str(source / "0L.png"), cv2.imread(str(source / "0L.png"), cv2.IMREAD_UNCHANGED) * 2)
    manifest = ingest_cohort(recipe, read(source), 1).manifest
    window = ImageStore(recipe.store).network(manifest.images.index[0], manifest.chain(manifest.images.index[0]))
    assert window.max() > 2000
    smaller = Recipe(source, recipe.store, Frame(184, 120, 4), 0.5)
    manifest = ingest_cohort(smaller, read(source), 1, mode=Mode.OVERWRITE).manifest
    assert set(manifest.images["scale"]) == {0.5}
    assert ImageStore(recipe.store).shape(manifest.images.index[0])[0] < 100


def test_images_whose_spacing_changes_in_the_table_are_read_again(recipe: Recipe, source: Path) -> None:
    table = (source / "images.csv").read_text()

    def spaced(spacing: str) -> None:
        lines = table.splitlines()
        cells = ["pixel_spacing", spacing, *["0.2"] * (len(lines) - 2)]
        (source / "images.csv").write_text("\n".join(f"{line},{cell}" for line, cell in zip(lines, cells, strict=True)))

    ingest_cohort(recipe, read(source), 1)
    spaced("0.2")
    result = ingest_cohort(recipe, read(source), 1)
    assert (result.decoded, list(result.manifest.images["spacing_mm"])) == (6, [0.2] * 6)
    auto = replace(recipe, pixels=PixelOptions(spacing_mm=0.4))
    result = ingest_cohort(auto, read(source), 1, mode=Mode.OVERWRITE)
    assert list(result.manifest.images["scale"]) == [0.5] * 6
    spaced("0.1")
    result = ingest_cohort(auto, read(source), 1)
    assert (result.decoded, list(result.manifest.images["scale"])) == (1, [0.25, *[0.5] * 5])


def test_several_processes_give_the_same_store(recipe: Recipe, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "PER_PROCESS", 1)
    ingest_cohort(recipe, read(source), 2)
    before = tables(recipe)
    ingest_cohort(recipe, read(source), 1)
    assert tables(recipe) == before


def test_an_assigned_split_is_kept(recipe: Recipe, source: Path) -> None:
    manifest = ingest_cohort(recipe, read(source), 1).manifest
    manifest.images["split"] = ["train"] * 4 + ["test"] * 2
    manifest.save(recipe.store)
    before = tables(recipe)
    ingest_cohort(recipe, read(source), 1)
    assert tables(recipe) == before
    assert list(Manifest.load(recipe.store).images["split"]) == ["train"] * 4 + ["test"] * 2


def test_lesions_of_rejected_images_are_counted(recipe: Recipe, source: Path) -> None:
    image = source / "0L.png"
    image.write_bytes(image.read_bytes()[:-200])
    result = ingest_cohort(recipe, read(source), 1)
    assert result.lost_lesions == 1
    assert result.manifest.lesions.empty
    assert ("0L.png", ("broken_pixels",)) in rejections(result)


def test_a_lesion_of_a_damaged_copy_is_on_the_good_one(tmp_path: Path) -> None:
    rows, cols = np.mgrid[:200, :120]
    inside = ((rows - 95.5) / 80) ** 2 + (cols / 90) ** 2 < 1
    image = mammogram(np.where(inside, 1000 + rows, 0).astype(np.uint16), PatientID="P1", ViewPosition="CC")
    source = tmp_path / "source"
    source.mkdir()
    image.save_as(source / "b.dcm", enforce_file_format=True)
    content = (source / "b.dcm").read_bytes()
    (source / "a.dcm").write_bytes(content[: -len(content) // 3])  # the first that a row could mean
    side = image.ImageLaterality
    (source / "lesions.csv").write_text(f"patient,side,view,label,x,y,w,h\nP1,{side},CC,malignant,30,90,20,20\n")
    result = ingest_cohort(Recipe(source, tmp_path / "store", FRAME, 1), read(source), 1)
    assert rejections(result) == [("a.dcm", ("cut_off",))]
    assert result.lost_lesions == 0
    (lesion,) = result.manifest.lesions.to_dict("records")
    (row,) = result.manifest.images.to_dict("records")
    assert lesion["image_id"] == result.manifest.images.index[0]
    assert (row["malignant"], row["negative"]) == (True, False)


def test_a_source_without_an_accepted_image_is_an_error(recipe: Recipe, source: Path) -> None:
    for path in source.glob("*.png"):
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(MammoError, match=r"none of the 7 files of .* was accepted"):
        ingest_cohort(recipe, read(source), 1)


def test_a_store_of_another_format_is_not_changed(recipe: Recipe, source: Path) -> None:
    ingest_cohort(recipe, read(source), 1)
    head = recipe.store / "store.json"
    head.write_text(head.read_text().replace('"format": 8', '"format": 3'))
    before = tables(recipe)
    for again in (
        lambda: ingest_cohort(recipe, read(source), 1),
        lambda: ingest_shard(recipe, read(source), Shard(0, 2), 1),
    ):
        with pytest.raises(MammoError, match="is a store of format 3, which this version, of format 8, cannot read"):
            again()
    assert tables(recipe) == before
    head.write_text("{")  # a damaged head is rewritten
    ingest_cohort(recipe, read(source), 1)
    assert tables(recipe) == before


def test_densities_are_in_the_table_of_images(recipe: Recipe, source: Path) -> None:
    rows = (source / "images.csv").read_text().splitlines()
    densities = ["A", "B", "", "C", "D", "D"]
    lines = [f"{row},{density}" for row, density in zip(rows, ["density", *densities], strict=True)]
    (source / "images.csv").write_text("\n".join(lines))
    assert ingest_cohort(recipe, read(source), 1).manifest.images["density"].tolist() == densities


def test_processes_must_be_positive(recipe: Recipe, source: Path) -> None:
    with pytest.raises(MammoError, match="processes=0 must be at least 1"):
        ingest_cohort(recipe, read(source), 0)


def test_a_lesion_on_two_copies_of_an_image_is_counted_once_and_a_contradiction_is_an_error(
    recipe: Recipe, source: Path
) -> None:
    described = (source / "images.csv").read_text().splitlines()
    (source / "again.png").write_bytes((source / "0L.png").read_bytes())
    copy = next(row for row in described if row.startswith("0L.png")).replace("0L.png", "again.png")
    (source / "images.csv").write_text("\n".join([*described, copy]))
    boxes = "image,label,row0,row1,col0,col1\n0L.png,malignant,90,110,30,50\nagain.png,{},90,110,30,50\n"
    (source / "lesions.csv").write_text(boxes.format("malignant"))
    result = ingest_cohort(recipe, read(source), 1)
    assert (len(result.manifest.lesions), result.repeated, result.misplaced) == (1, 1, 0)
    (source / "lesions.csv").write_text(boxes.format("benign"))
    with pytest.raises(MammoError, match=r"different labels: malignant on 0L\.png .*, and benign on again\.png"):
        ingest_cohort(recipe, read(source), 1)
