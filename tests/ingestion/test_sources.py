"""What is in a store stays there: a second source is an error, joins, or replaces it only when the user says so."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from mammo.data.sampling_index import SamplingIndex
from mammo.geometry import Box, Frame
from mammo.ingestion import run as ingest_run
from mammo.ingestion.run import IngestResult, ingest_cohort
from mammo.ingestion.sources import Mode
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters.table import read
from mammo.intake.outcomes import Verdict
from mammo.records import MammoError, PatchClass, Split
from mammo.reporting.paper_tables import table1
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import read_own_ids
from mammo.store.splits import assign_splits, group_classes
from mammo.store.store_header import DataSet, read_store_header

FRAME = Frame(92, 60, 2)
SHAPE = (80, 50)


def image(seed: int) -> np.ndarray:
    """A breast with a texture of its own."""
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    inside = ((rows - 39.5) / 36) ** 2 + (cols / 40) ** 2 < 1
    return np.where(inside, np.random.default_rng(seed).integers(1000, 3000, SHAPE), 0).astype(np.uint16)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Make a source folder: by patient the seed of her image; the first patient has a malignant lesion."""

    def made(name: str, seeds: dict[str, int]) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        lines = ["image,patient,exam,laterality,view"]
        for patient, seed in seeds.items():
            cv2.imwrite(str(folder / f"{patient}.png"), image(seed))
            lines.append(f"{patient}.png,{patient},exam {patient},L,CC")
        first = next(iter(seeds))
        (folder / "images.csv").write_text("\n".join(lines))
        (folder / "lesions.csv").write_text(
            f'image,label,lesion_id,outline\n{first}.png,malignant,{first} 1,"30,5;30,15;40,15;40,5"\n'
        )
        return folder

    return made


@pytest.fixture
def ingest(tmp_path: Path) -> Callable[..., IngestResult]:
    """Ingest a folder under a name into the store."""

    def done(folder: Path, name: str, mode: Mode = Mode.CONTINUE, **changes: object) -> IngestResult:
        recipe = Recipe(folder, tmp_path / "store", FRAME, 1, data_set=DataSet(name, "table", "eighth"))
        return ingest_cohort(replace(recipe, **changes), read(folder), 1, mode=mode)  # type: ignore[arg-type]

    return done


def tree(store: Path) -> dict[str, bytes]:
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def pixels(store: Path) -> dict[str, bytes]:
    """The pixels of every image of the table, which must be readable."""
    manifest, images = Manifest.load(store), ImageStore(store)
    images.refresh()
    shapes = {key: images.shape(key) for key in manifest.images.index}
    return {key: images.read(key, Box(0, rows, 0, cols)).tobytes() for key, (rows, cols) in shapes.items()}


A, B = {"a1": 1, "a2": 2, "a3": 3}, {"b1": 11, "b2": 12}


def test_another_source_is_an_error_that_names_both_and_the_ways_out(make: Callable, ingest: Callable) -> None:
    ingest(make("a", A), "cbis_ddsm")
    store = make("b", B).parent / "store"
    before = tree(store)
    message = (
        r"store was made from data set cbis_ddsm, and this is table \(.*/b\): append=true adds table to it, "
        r"overwrite=true replaces cbis_ddsm, or give another root="
    )
    with pytest.raises(MammoError, match=message):
        ingest(store.parent / "b", "table")
    assert tree(store) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": 0.5}, r"ingested with data\.scale=1, and this is data\.scale=0\.5"),
        ({"frame": Frame(184, 120, 4)}, r"frame=eighth \(.*, and this is frame=eighth \(.*184"),
        (
            {"data_set": DataSet("table", "nyu", "eighth", options={"synthetic": True})},
            r"data\.adapter=table, data\.options\.synthetic=null, and this is data\.adapter=nyu, "
            r"data\.options\.synthetic=true",
        ),
    ],
)
def test_the_same_source_with_other_options_is_an_error(
    changes: dict[str, object], message: str, make: Callable, ingest: Callable
) -> None:
    ingest(make("a", A), "table")
    with pytest.raises(MammoError, match=message) as error:
        ingest(make("a", A), "table", **changes)
    assert "overwrite=true ingests table again so, append=true data.name=NAME adds" in str(error.value)


def test_another_folder_of_the_same_name_is_another_source(make: Callable, ingest: Callable) -> None:
    ingest(make("a", A), "table")
    with pytest.raises(MammoError, match=r"another data\.source, and this is data\.source=.*/b: overwrite=true"):
        ingest(make("b", dict(A, a4=4)), "table")


def test_a_grown_folder_is_the_same_source_and_a_shrunken_one_loses_nothing(make: Callable, ingest: Callable) -> None:
    ingest(make("a", A), "table")
    folder = make("a", dict(A, a4=4))
    assert ingest(folder, "table").decoded == 1
    (folder / "a2.png").unlink()
    table = (folder / "images.csv").read_text().splitlines()
    (folder / "images.csv").write_text("\n".join(line for line in table if "a2" not in line))
    before = tree(folder.parent / "store")
    with pytest.raises(MammoError, match=r"1 of the 4 images of source table .* not in .*/a any more \(.*: a2\.png\)"):
        ingest(folder, "table")
    assert tree(folder.parent / "store") == before
    result = ingest(folder, "table", Mode.OVERWRITE)
    assert (result.decoded, len(result.manifest.images)) == (0, 3)
    assert len(pixels(folder.parent / "store")) == 3


def test_sources_join_with_keys_of_their_own(make: Callable, ingest: Callable) -> None:
    """Both number their patients, exams and lesions alike."""
    ingest(make("a", A), "one")
    other = make("b", {"a1": 11, "a2": 12})
    result = ingest(other, "two", Mode.APPEND)
    images, lesions = result.manifest.images, result.manifest.lesions
    assert images["source"].tolist() == ["one"] * 3 + ["two"] * 2
    assert images["patient_id"].nunique() == images["exam_id"].nunique() == 5
    assert len(lesions) == lesions.index.nunique() == 2
    assert [source.name for source in read_store_header(other.parent / "store").sources] == ["one", "two"]
    assert Manifest.load(other.parent / "store").digest() == result.manifest.digest()


def test_a_rerun_of_either_source_keeps_the_other(make: Callable, ingest: Callable) -> None:
    ingest(make("a", A), "one")
    ingest(make("b", B), "two", Mode.APPEND)
    store = make("b", B).parent / "store"
    (store.parent / "b" / "broken.dcm").write_text("nothing")
    ingest(store.parent / "b", "two")
    before = {name: content for name, content in tree(store).items() if name != ".rejections"}
    for name, folder in (("one", "a"), ("two", "b"), ("one", "a")):
        assert ingest(store.parent / folder, name).decoded == 0
    assert {name: content for name, content in tree(store).items() if name != ".rejections"} == before
    assert len(pixels(store)) == 5
    assert pd.read_csv(store / "quarantine.csv")["source"].tolist() == ["two"]


def test_a_further_source_must_share_the_frame(make: Callable, ingest: Callable) -> None:
    ingest(make("a", A), "one")
    with pytest.raises(MammoError, match=r"which all its sources share: give frame=eighth, or another root="):
        ingest(make("b", B), "two", Mode.APPEND, frame=Frame(184, 120, 4))


def test_an_image_of_two_sources_is_kept_once_and_joins_their_patients(make: Callable, ingest: Callable) -> None:
    """The same file, and the same pixels in another file; the patient's other image goes where she is."""
    ingest(make("a", A), "one")
    other = make("b", {"b1": 1, "b2": 2, "b3": 13})
    again = cv2.imread(str(other / "b2.png"), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(other / "b2.png"), again, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    table = (other / "images.csv").read_text().replace("b3.png,b3", "b3.png,b1")
    (other / "images.csv").write_text(table)
    result = ingest(other, "two", Mode.APPEND)
    images = result.manifest.images
    assert images["source"].tolist() == ["one"] * 3 + ["two"]
    assert images["patient_id"].iloc[3] == images["patient_id"].iloc[0]
    assert [outcome.verdict for outcome in result.outcomes] == [Verdict.DUPLICATE, Verdict.DUPLICATE, Verdict.ACCEPTED]
    assert [outcome.kept for outcome in result.outcomes] == ["one: a1.png", "one: a2.png", ""]
    assert (result.left_to_others, result.lost_lesions, len(result.manifest.lesions)) == (1, 0, 1)


def test_an_image_with_a_finding_in_a_later_source_only_counts_for_it(make: Callable, ingest: Callable) -> None:
    """In either order, and again; no other image of the breast is negative any more."""
    ingest(make("a", A), "one")
    table = make("a", A) / "images.csv"
    table.write_text(table.read_text().replace("a3.png,a3", "a3.png,a2"))
    assert ingest(table.parent, "one").manifest.images["negative"].tolist() == [False, True, True]
    later = make("b", {"b1": 2})  # the image of a2, with a malignant lesion
    result = ingest(later, "two", Mode.APPEND)
    for manifest in (result.manifest, ingest(later, "two").manifest, ingest(table.parent, "one").manifest):
        assert manifest.images["source"].tolist() == ["one", "one", "two"]
        assert manifest.images["negative"].tolist() == [False] * 3
        assert manifest.images["positive"].tolist() == [True, False, True]
        assert manifest.images["patient_id"].nunique() == 2
        assert len(manifest.lesions) == 2
        assert manifest.lesions["image_id"].iloc[1] == manifest.images.index[2]
    assert (result.taken_over, result.left_to_others) == (1, 0)


def test_an_image_with_findings_in_two_sources_shows_what_either_says(make: Callable, ingest: Callable) -> None:
    """One outline, once benign and once malignant, in any order; the breast's other view shows nothing itself."""
    first, second = make("a", A), make("b", {"b1": 1, "b2": 12})
    names = [
        ("images.csv", "a2.png,a2,exam a2,L,CC", "a2.png,a1,exam a1,L,MLO"),
        ("lesions.csv", "malignant", "benign"),
    ]
    for name, old, new in names:
        (first / name).write_text((first / name).read_text().replace(old, new))
    ingest(first, "one")
    results = [ingest(second, "two", Mode.APPEND), ingest(first, "one"), ingest(second, "two")]
    for manifest in (result.manifest for result in results):
        assert manifest.images["elsewhere"].tolist() == ["two:malignant", "", "", ""]
        index = SamplingIndex.from_manifest(manifest)
        assert index.image_labels("image").tolist() == [[1, 1], *[[0, 0]] * 3]
        assert index.image_labels("breast").tolist() == [[1, 1], [1, 1], [0, 0], [0, 0]]
        assert index.candidates[PatchClass.BENIGN].size == 0, "no window has a certain class where the sources disagree"
        classes = group_classes(manifest, manifest.images["patient_id"])
        assert classes.tolist() == ["malignant", "negative", "negative"]
        assert table1(manifest.labeled_images, manifest.lesions).loc["overall"].tolist()[:3] == [3, 1, 1]
    lesions = second / "lesions.csv"
    lesions.write_text(lesions.read_text().replace("malignant", "benign"))
    corrected = ingest(second, "two").manifest
    assert corrected.images["elsewhere"].tolist() == [""] * 4
    assert SamplingIndex.from_manifest(corrected).image_labels("breast").tolist() == [[0, 1], [0, 1], [0, 0], [0, 0]]


def test_a_later_split_leaves_earlier_patients_where_they_are(make: Callable, ingest: Callable) -> None:
    store = make("a", {f"a{number}": number for number in range(9)}).parent / "store"
    first = assign_splits(ingest(store.parent / "a", "one").manifest, 0, (0.4, 0.3, 0.3), allow_empty=True)
    first.save(store)
    joined = ingest(make("b", {f"b{number}": 100 + number for number in range(9)}), "two", Mode.APPEND).manifest
    with pytest.raises(MammoError, match=r"9 of the 18 images are in no split yet: run python -m mammo\.split"):
        joined.of_split(Split.TRAIN)
    second = assign_splits(joined, 5, (0.4, 0.3, 0.3), allow_empty=True, keep_current=True)
    assert second.images["split"].iloc[:9].tolist() == first.images["split"].tolist()
    assert set(second.images["split"].iloc[9:]) == {"train", "val", "test"}
    again = assign_splits(second, 5, (0.4, 0.3, 0.3), allow_empty=True)
    assert again.images["split"].iloc[:9].tolist() != first.images["split"].tolist()


def test_overwriting_keeps_the_old_store_until_the_new_one_is_complete(
    make: Callable, ingest: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another source, and the same source in another frame, where the images have the same ids."""
    ingest(make("a", A), "one")
    folder, store = make("b", B), make("b", B).parent / "store"
    before, shown = tree(store), pixels(store)
    frame = Frame(184, 120, 4)
    with monkeypatch.context() as patch:
        patch.setattr(ingest_run, "write_tables", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        for arguments, changes in (((store.parent / "a", "one"), {"frame": frame, "scale": 2}), ((folder, "two"), {})):
            with pytest.raises(KeyboardInterrupt):
                ingest(*arguments, Mode.OVERWRITE, **changes)
    assert tree(store) == before
    assert pixels(store) == shown
    result = ingest(folder, "two", Mode.OVERWRITE)
    assert result.decoded == 0  # the interrupted run had read them
    assert Manifest.load(store).images["source"].tolist() == ["two"] * 2
    assert len(pixels(store)) == 2
    assert not list(store.parent.glob("store.*"))
    assert sum(path.stat().st_size > 0 for path in (store / "images").glob("*.index")) == 1


def test_overwriting_one_of_several_sources_keeps_the_others(make: Callable, ingest: Callable) -> None:
    ingest(make("a", A), "one")
    ingest(make("b", B), "two", Mode.APPEND)
    manifest = ingest(make("c", dict(B, b3=13)), "two", Mode.OVERWRITE).manifest
    assert manifest.images["source"].tolist() == ["one"] * 3 + ["two"] * 3
    assert len(pixels(make("c", B).parent / "store")) == 6


def test_a_store_that_was_being_replaced_is_put_back(make: Callable, ingest: Callable) -> None:
    folder = make("a", A)
    ingest(folder, "one")
    (folder.parent / "store").rename(folder.parent / "store.old")
    assert ingest(folder, "one").decoded == 0


def test_a_damaged_header_does_not_open_the_store_to_another_source(make: Callable, ingest: Callable) -> None:
    folder = make("a", A)
    ingest(folder, "one")
    (folder.parent / "store" / "store.json").write_text("{")
    with pytest.raises(MammoError, match=r"store\.json is damaged, and the store holds one"):
        ingest(make("b", B), "two", Mode.APPEND)
    assert ingest(folder, "one").decoded == 0


@pytest.mark.parametrize("name", ["", "../x", "a b", "=1", "x" * 41])
def test_a_name_is_a_word(name: str, make: Callable, ingest: Callable) -> None:
    with pytest.raises(MammoError, match=r"data\.name=.* must be a word"):
        ingest(make("a", A), name)


def test_the_way_back_leads_from_pseudonyms_to_own_names(make: Callable, ingest: Callable) -> None:
    folder = make("=a", {"-1": 1, "a2": 2})
    manifest = ingest(folder, "one").manifest
    store = folder.parent / "store"
    table = pd.read_csv(store / "ids.csv", keep_default_na=False)
    assert list(table.columns) == ["kind", "id", "source", "source_path", "source_id"]
    assert table["kind"].tolist() == ["image", "image", "lesion"]
    assert table["id"].tolist() == [*manifest.images.index, *manifest.lesions.index]
    assert table["source_path"].tolist() == ["'-1.png", "a2.png", "'-1.png"]
    own = read_own_ids(store)
    assert [str(own[key]) for key in table["id"]] == ["-1.png", "a2.png", "-1.png (-1 1)"]
    for name in ("ids.csv", "quarantine.csv", ".key"):
        assert stat.S_IMODE((store / name).stat().st_mode) == 0o600
    assert "folder" in json.loads((store / "store.json").read_text())["sources"][0]
    for name, content in tree(store).items():
        assert name == "ids.csv" or (b"-1 1" not in content and str(folder).encode() not in content)


def test_a_root_that_moves_with_its_source_is_the_same(make: Callable, ingest: Callable, tmp_path: Path) -> None:
    ingest(make("a", A), "one")
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("a", "store"):
        (tmp_path / name).rename(moved / name)
    assert ingest(moved / "a", "one", store=moved / "store").decoded == 0
