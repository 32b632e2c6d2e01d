"""The saliency cache: maps are found by image and digest, in parts, and never used for other pixels."""

from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from mammo.records import MammoError
from mammo.store.saliency_cache import SaliencyMaps

IMAGES = {f"image{number}": f"digest{number}" for number in range(20)}
IDS = list(IMAGES)
MAPS = np.random.default_rng(0).uniform(size=(20, 2, 6, 5)).astype(np.float32)


def opened(folder: Path, images: dict[str, str] = IMAGES) -> SaliencyMaps:
    return SaliencyMaps(folder / "maps", images, (6, 5), "python -m mammo.precompute what=saliency")


@pytest.fixture
def stored(tmp_path: Path) -> SaliencyMaps:
    maps = opened(tmp_path)
    maps.append(IDS[:7], MAPS[:7])
    maps.append(IDS[7:], MAPS[7:])
    return opened(tmp_path)


def test_maps_are_read_by_image_from_any_part(stored: SaliencyMaps) -> None:
    stored.check()
    assert np.array_equal(stored(["image7", "image2", "image19"]), MAPS[[7, 2, 19]])
    assert stored(IDS).dtype == np.float32


def test_missing_maps_are_named_and_can_be_added(tmp_path: Path) -> None:
    maps = opened(tmp_path)
    assert maps.missing() == IDS
    maps.append(IDS[:7], MAPS[:7])
    assert maps.missing() == IDS[7:]
    with pytest.raises(MammoError, match=r"image7 is missing.*13 of 20.*run python -m mammo\.precompute"):
        maps.check()
    with pytest.raises(MammoError, match="image7 is missing"):
        maps(["image7"])
    maps.append(IDS[7:], MAPS[7:])
    maps.check()


def test_a_map_of_other_pixels_is_stale(stored: SaliencyMaps, tmp_path: Path) -> None:
    changed = opened(tmp_path, {**IMAGES, "image3": "other"})
    assert changed.missing() == ["image3"]
    with pytest.raises(MammoError, match=r"image3 is of other pixels \(stale\).*precompute"):
        changed(["image3"])
    changed.append(["image3"], MAPS[4:5])
    assert np.abs(opened(tmp_path, {**IMAGES, "image3": "other"})(["image3"]) - MAPS[4]).max() < 1e-3
    assert np.abs(stored(["image3"]) - MAPS[3]).max() < 1e-3


def emptied(content: bytearray) -> None:
    content.clear()


def flipped(content: bytearray) -> None:
    """Change one bit of the last map, or of the last image's id."""
    content[-3] ^= 1


@pytest.mark.parametrize("suffix", [".npy", ".txt"])
@pytest.mark.parametrize("damage", [emptied, flipped])
def test_a_damaged_part_counts_as_missing(
    stored: SaliencyMaps, tmp_path: Path, damage: Callable[[bytearray], None], suffix: str
) -> None:
    first = opened(tmp_path)
    part = next(path for path in stored.folder.glob("*.txt") if "\nimage0 " in path.read_text()).with_suffix(suffix)
    content = bytearray(part.read_bytes())
    damage(content)
    part.write_bytes(content)
    assert first.missing() == IDS[:7]
    with pytest.raises(MammoError, match=rf"image0 is missing in .*{part.name} is damaged"):
        first(["image0"])


def test_a_part_without_its_list_of_images_is_ignored(stored: SaliencyMaps, tmp_path: Path) -> None:
    next(iter(sorted(stored.folder.glob("*.txt")))).unlink()
    assert 0 < len(opened(tmp_path).missing()) < 20


def test_an_image_of_another_store_is_named(stored: SaliencyMaps) -> None:
    with pytest.raises(MammoError, match=r"image image99 is not in the store of the saliency maps in .*maps"):
        stored(["image99"])


@pytest.mark.parametrize("value", [np.nan, -0.1, 1.5])
def test_values_outside_the_range_are_rejected(tmp_path: Path, value: float) -> None:
    with pytest.raises(MammoError, match=r"a saliency map of maps is outside \[0, 1\] or NaN"):
        opened(tmp_path).append(["image0"], np.full((1, 2, 6, 5), value, np.float32))


def nan(maps: np.ndarray) -> np.ndarray:
    maps[3, 1, 2, 2] = np.nan
    return maps


def above_one(maps: np.ndarray) -> np.ndarray:
    maps[3, 0, 0, 0] = 1.5
    return maps


def write_part(root: Path, maps: np.ndarray) -> None:
    """Write a part with these maps, whatever they are, under digests that are right."""
    folder, content = root / "maps", BytesIO()
    folder.mkdir()
    np.save(content, maps)
    lines = f"sha256 {sha256(content.getvalue()).hexdigest()}\n"
    lines += "".join(f"{image_id} {digest}\n" for image_id, digest in IMAGES.items())
    name = sha256(lines.encode()).hexdigest()[:16]
    (folder / f"{name}.npy").write_bytes(content.getvalue())
    (folder / f"{name}.txt").write_text(lines)


def test_maps_in_half_precision_of_earlier_versions_are_computed_again(tmp_path: Path) -> None:
    write_part(tmp_path, MAPS.astype(np.float16))
    maps = opened(tmp_path)
    assert maps.missing() == list(IMAGES)
    with pytest.raises(MammoError, match=r"earlier version \(20 of 20 are\): run .*precompute"):
        maps.check()
    maps.remove_damaged()
    maps.append(list(IMAGES), MAPS)
    assert np.array_equal(opened(tmp_path)(["image5"])[0], MAPS[5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nan, r"\.npy: the saliency map of image image3 has NaN or values outside \[0, 1\]: delete .*precompute"),
        (above_one, r"\.npy: the saliency map of image image3 has NaN or values outside \[0, 1\]: delete .*precompute"),
        (lambda maps: maps[:, :, 1:], r"image image0, holds \[20, 2, 5, 5\], not \[20, 2, 6, 5\]: delete"),
        (lambda maps: maps[:9], r"image image0, holds \[9, 2, 6, 5\], not \[20, 2, 6, 5\]: delete"),
    ],
)
def test_maps_of_wrong_values_or_shape_are_named_when_they_are_read(
    tmp_path: Path, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    """The digests are right, as where the maps were wrong when they were written."""
    write_part(tmp_path, change(MAPS.copy()))
    for read in (lambda: opened(tmp_path)(["image5"]), opened(tmp_path).check):
        with pytest.raises(MammoError, match=message):
            read()
