"""The sampling index, against a check of every pixel of the small cohort."""

import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.data.plans import Plan, Quota, epoch_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes
from mammo.geometry import CropWindow, Frame
from mammo.ingestion.run import ingest_cohort
from mammo.ingestion.sources import Mode
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters import nyu, table
from mammo.records import MammoError, PatchClass, Pathology, Split
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import read_own_ids
from mammo.store.schema import SHARES
from mammo.store.store_header import DataSet


@pytest.fixture(scope="module")
def manifest(small_root: Path) -> Manifest:
    return Manifest.load(small_root / "store").of_split(Split.TRAIN)


@pytest.fixture(scope="module")
def index(manifest: Manifest) -> SamplingIndex:
    return SamplingIndex.from_manifest(manifest)


def painted(manifest: Manifest, image_id: str) -> dict[str, np.ndarray]:
    """For each lesion of an image, a mask of the network window, filled pixel by pixel from the stored frame."""
    frame, chain = manifest.frame, manifest.chain(image_id)
    centers = np.stack(np.mgrid[: frame.height, : frame.width], axis=-1) + 0.5
    rows, cols = np.moveaxis(np.floor(chain.network_to_stored(centers)).astype(int), -1, 0)
    masks = {}
    for lesion_id in manifest.lesions.index[manifest.lesions["image_id"] == image_id]:
        mask, box = manifest.outline(lesion_id)
        stored = np.zeros(chain.stored_shape, dtype=bool)
        stored[box.row0 : box.row1, box.col0 : box.col1] = mask
        inside = (rows >= 0) & (rows < stored.shape[0]) & (cols >= 0) & (cols < stored.shape[1])
        masks[lesion_id] = inside & stored[np.where(inside, rows, 0), np.where(inside, cols, 0)]
    return masks


def test_lesion_pixels_are_the_outline_in_the_network_frame(manifest: Manifest, index: SamplingIndex) -> None:
    checked = 0
    for image_id in manifest.images.index:
        for lesion_id, mask in painted(manifest, image_id).items():
            pixels = index.pixels[manifest.lesions.index.get_loc(lesion_id)]
            assert sorted(map(tuple, pixels)) == sorted(map(tuple, np.argwhere(mask) + 0.5))
            checked += 1
    assert checked == len(manifest.lesions) == len(index.labels)


def test_lesion_rows_point_to_their_images(manifest: Manifest, index: SamplingIndex) -> None:
    ids = manifest.images.index
    assert [ids[row] for row in index.image_of] == manifest.lesions["image_id"].tolist()
    for image, lesions in index.lesions_by_image.items():
        assert (manifest.lesions["image_id"].iloc[lesions] == ids[image]).all()


def test_candidates_follow_the_tables(manifest: Manifest, index: SamplingIndex) -> None:
    labels = manifest.lesions["label"].to_numpy()
    with_lesions = manifest.images.index.isin(manifest.lesions["image_id"])
    expected = {
        PatchClass.MALIGNANT: np.flatnonzero(labels == "malignant"),
        PatchClass.BENIGN: np.flatnonzero(labels == "benign"),
        PatchClass.OUTSIDE: np.flatnonzero(with_lesions),
        PatchClass.NEGATIVE: np.flatnonzero(manifest.images["negative"]),
    }
    for patch_class, rows in expected.items():
        assert rows.size > 0
        assert index.candidate_rows(patch_class).tolist() == rows.tolist()


def test_overlapped_pathologies_are_those_of_the_pixels_inside(manifest: Manifest, index: SamplingIndex) -> None:
    image = int(np.flatnonzero(manifest.images[["malignant", "benign"]].all(axis=1))[0])
    masks = painted(manifest, manifest.images.index[image])
    centers = np.stack(np.mgrid[: index.frame.height, : index.frame.width], axis=-1) + 0.5
    rng, seen = np.random.default_rng(0), set()
    for _ in range(150):
        window = CropWindow(rng.uniform(80, 320), rng.uniform(20, 200), rng.uniform(16, 150), rng.uniform(-30, 30))
        inside = window.contains(centers)
        touched = {Pathology(manifest.lesions["label"][key]) for key, mask in masks.items() if (mask & inside).any()}
        values = np.array([[window.row, window.col, window.side, window.angle]])
        assert index.overlapped_pathologies(np.array([image]), values) == [touched]
        seen.add(frozenset(touched))
    assert len(seen) == 4  # no lesion, malignant, benign, both


def test_tissue_codes_decode_to_the_fractions_of_the_manifest_exactly(manifest: Manifest, index: SamplingIndex) -> None:
    for row, image_id in enumerate(manifest.images.index):
        assert np.array_equal(SHARES[index.tissue[row]], manifest.tissue(image_id))
    assert np.array_equal(SHARES, (np.arange(256, dtype=np.uint8) / 255).astype(np.float32))


def test_tissue_fraction_is_close_to_the_fraction_of_tissue_pixels(index: SamplingIndex) -> None:
    fine = np.kron(index.tissue[0] / 255, np.ones((8, 8)))
    centers = np.stack(np.mgrid[: index.frame.height, : index.frame.width], axis=-1) + 0.5
    rng = np.random.default_rng(1)
    for _ in range(50):
        window = CropWindow(rng.uniform(0, 368), rng.uniform(0, 240), rng.uniform(16, 48), rng.uniform(-30, 30))
        fraction = fine[window.contains(centers)].sum() / window.side**2
        values = np.array([[window.row, window.col, window.side, window.angle]])
        assert abs(index.tissue_fractions(np.array([0]), values)[0] - fraction) < 0.15


def test_windows_outside_the_frame_have_no_tissue(index: SamplingIndex) -> None:
    assert index.tissue_fractions(np.array([0]), np.array([[-100.0, -100.0, 40.0, 0.0]])) == 0


def test_a_class_without_candidates_is_rejected_by_name(manifest: Manifest) -> None:
    without_lesions = Manifest(manifest.frame, manifest.images, manifest.lesions.iloc[:0])
    with pytest.raises(MammoError, match=r"no image can give a malignant patch: .* quota\.malignant=0"):
        SamplingIndex.from_manifest(without_lesions).candidate_rows(PatchClass.MALIGNANT)


def test_an_image_with_an_unplaced_finding_gives_no_patches(manifest: Manifest, index: SamplingIndex) -> None:
    """Not even of its outlined lesions: the other finding could lie in any of their windows."""
    all_unplaced = replace(index, unplaced=np.ones_like(index.unplaced))
    for patch_class in PatchClass:
        with pytest.raises(MammoError, match="no image can give a"):
            all_unplaced.candidate_rows(patch_class)
    image = int(index.candidate_rows(PatchClass.MALIGNANT).min())
    one = replace(index, unplaced=np.arange(len(index.unplaced)) == index.image_of[image])
    for patch_class, n_lost in ((PatchClass.OUTSIDE, 1), (PatchClass.NEGATIVE, 0)):
        assert len(one.candidate_rows(patch_class)) == len(index.candidate_rows(patch_class)) - n_lost
    assert image not in one.candidate_rows(PatchClass.MALIGNANT)


DISCS = {"benign": (120, 60, 12), "malignant": (200, 80, 16)}
"""What every image of the cohort below shows, whatever its outlines say: (row, col, radius), stored px."""

SHAPE = (300, 200)
ROWS, COLS = np.mgrid[: SHAPE[0], : SHAPE[1]]
BREAST = np.hypot((ROWS - 150) / 140, COLS / 170) < 1


def disc(label: str) -> NDArray[np.bool_]:
    row, col, radius = DISCS[label]
    return np.asarray(np.hypot(ROWS - row, COLS - col) < radius)


def film(path: Path, number: int, shows: NDArray[np.bool_]) -> None:
    """Write a left breast with a texture of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texture = np.random.default_rng(number).integers(900, 2000, SHAPE)
    cv2.imwrite(str(path), np.where(BREAST, texture + 1500 * shows, 0).astype(np.uint16))


def exam_list(root: Path) -> Path:
    """Exams whose malignant or benign mask is readable, damaged, of another size, empty or missing."""
    usable = {label: cv2.imencode(".png", disc(label).astype(np.uint8) * 255)[1].tobytes() for label in DISCS}
    other = cv2.imencode(".png", np.full((77, 70), 255, np.uint8))[1].tobytes()
    empty = cv2.imencode(".png", np.zeros(SHAPE, np.uint8))[1].tobytes()
    fates = {"readable": None, "damaged": b"\x89PNG", "size": other, "empty": empty, "missing": b""}
    (root / "segmentation").mkdir(parents=True)
    exams: list[dict[str, object]] = []
    for lost, kept in (("malignant", "benign"), ("benign", "malignant")):
        for fate, content in fates.items():
            name = f"{fate}_{lost}"
            film(root / "images" / f"{name}.png", len(exams), disc("benign") | disc("malignant"))
            masks = {kept: usable[kept], lost: usable[lost] if content is None else content}
            for label in (label for label, mask in masks.items() if mask):
                (root / "segmentation" / f"{name}_{label}.png").write_bytes(masks[label])
            labels = dict.fromkeys(("left_benign", "left_malignant"), 1) | {"right_benign": 0, "right_malignant": 0}
            exams.append({"horizontal_flip": "NO", "L-CC": [name], "cancer_label": labels})
    # Without labels: only the mask of the missing view says that its breast is not negative.
    film(root / "images" / "mlo.png", 50, disc("malignant"))
    (root / "segmentation" / "gone_malignant.png").write_bytes(usable["malignant"])
    exams.append({"horizontal_flip": "NO", "L-CC": ["gone"], "L-MLO": ["mlo"]})
    film(root / "images" / "shared.png", 51, disc("benign") | disc("malignant"))
    (root / "segmentation" / "shared_benign.png").write_bytes(usable["benign"])
    exams.append({"horizontal_flip": "NO", "L-CC": ["shared"]})
    film(root / "images" / "healthy.png", 52, np.zeros(SHAPE, bool))
    exams.append({"horizontal_flip": "NO", "L-CC": ["healthy"]})
    (root / "exam_list_before_cropping.pkl").write_bytes(pickle.dumps(exams))
    return root


def own_table(root: Path, shared: Path) -> Path:
    """Lesions with a box only or without a place, on images of their own and on one that another source has too."""
    both = disc("benign") | disc("malignant")
    for number, name in enumerate(("box", "point"), 60):
        film(root / f"{name}.png", number, both)
    (root / "shared.png").write_bytes(shared.read_bytes())
    described = [f"{name}.png,{name},{name},L,CC" for name in ("box", "point", "shared")]
    (root / "images.csv").write_text("\n".join(["image,patient,exam,laterality,view", *described]))
    benign, malignant = (f"{r - d},{r + d + 1},{c - d},{c + d + 1}," for r, c, d in DISCS.values())
    rows = ["image,label,row0,row1,col0,col1,outline"]
    rows += [f"box.png,benign,{benign}", f"box.png,malignant,{malignant}", f"point.png,benign,{benign}"]
    rows += [f"{name}.png,malignant,,,,,none" for name in ("point", "shared")]
    (root / "lesions.csv").write_text("\n".join(rows))
    return root


def mistaken_windows(index: SamplingIndex, plan: Plan, manifest: Manifest, healthy: int) -> int:
    """How many windows hold a pixel of a disc that their class excludes, by the discs themselves."""
    allowed = {PatchClass.MALIGNANT: {"malignant"}, PatchClass.BENIGN: {"benign"}}
    points = {label: np.argwhere(disc(label)) + 0.5 for label in DISCS}
    placed = {
        (row, label): manifest.chain(image_id).stored_to_network(points[label])
        for row, image_id in enumerate(manifest.images.index)
        for label in DISCS
        if row != healthy
    }
    return sum(
        any(
            plan.window(number).contains(placed[image, label]).any()
            for label in DISCS.keys() - allowed.get(PatchClass(target), set())
            if (image, label) in placed
        )
        for number, (image, target) in enumerate(zip(plan.image.tolist(), plan.target.tolist(), strict=True))
    )


def test_no_window_of_another_class_touches_a_lesion_whose_outline_is_unusable(tmp_path: Path) -> None:
    """10,000 windows of images with damaged, missing, box-only and point-only outlines beside readable ones."""
    frame, store = Frame(368, 240, 8), tmp_path / "store"
    nyu_root = exam_list(tmp_path / "nyu")
    own_root = own_table(tmp_path / "own", nyu_root / "images" / "shared.png")
    first = Recipe(nyu_root, store, frame, 1, data_set=DataSet("nyu", "nyu", "eighth"))
    second = Recipe(own_root, store, frame, 1, data_set=DataSet("own", "table", "eighth"))
    ingest_cohort(first, nyu.read(nyu_root), 1)
    ingest_cohort(second, table.read(own_root), 1, mode=Mode.APPEND)
    manifest = ingest_cohort(first, nyu.read(nyu_root), 1).manifest  # what the second source added stays
    index = SamplingIndex.from_manifest(manifest)
    names = {key: Path(own.path).stem for key, own in read_own_ids(store).items()}
    shown = [names[key] for key in manifest.images.index]
    unusable = {"mlo", "shared", "point"} | {
        f"{fate}_{lost}" for fate in ("damaged", "size", "empty", "missing") for lost in DISCS
    }
    assert {name for name, lost in zip(shown, index.unplaced, strict=True) if lost} == unusable - {"mlo"}
    assert [shown[row] for row in np.flatnonzero(index.negative)] == ["healthy"]

    crops, quota = CropSizes((16, 48), 32), Quota(1500, 1500, 5000, 2000)
    plan = epoch_plan(index, quota, crops, seed=0, epoch=0)
    healthy = shown.index("healthy")
    assert len(plan) == 10_000
    assert not {shown[row] for row in plan.image} & unusable
    assert mistaken_windows(index, plan, manifest, healthy) == 0

    careless = replace(index, unplaced=np.zeros_like(index.unplaced))
    plan = epoch_plan(careless, Quota(150, 150, 500, 0), crops, seed=0, epoch=0)
    assert mistaken_windows(careless, plan, manifest, healthy) > 20
