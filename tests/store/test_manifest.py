import json
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mammo.geometry import Box, Frame, FrameChain
from mammo.records import MammoError, Split
from mammo.store.manifest import Manifest
from mammo.store.schema import Row, chain_values, outline_values, tissue_values
from mammo.store.store_header import DataSet

FRAME = Frame(368, 240, 8)
RNG = np.random.default_rng(0)
SHARES = RNG.random(FRAME.grid)
MASK = RNG.random((9, 14)) < 0.5
BOX = Box(60, 69, 80, 94)


def chain(index: int) -> FrameChain:
    return FrameChain((416, 320), index % 2 == 1, Box(3, 400, 0, 200), 0.5, (-4, index), FRAME)


def image(index: int, prefix: str = "", **changes: object) -> dict[str, Any]:
    return {
        "image_id": f"{prefix}i{index}",
        "flags": "",
        "notes": "",
        "voi": "linear",
        "source": "table",
        "patient_id": f"{prefix}p{index // 2}",
        "exam_id": f"{prefix}e{index // 2}",
        "laterality": "LR"[index % 2],
        "view": "CC",
        "split": "",
        "official_split": "",
        "fold": -1,
        "vendor": "",
        "spacing_mm": 0.0,
        "density": "",
        "negative": index > 1,
        "malignant": index == 0,
        "benign": index == 1,
        **dict.fromkeys(("breast_malignant", "breast_benign", "unplaced"), False),
        "elsewhere": "",
        "sha256": f"{index:064x}",
        **chain_values(chain(index)),
        **tissue_values(SHARES),
        **changes,
    }


def lesion(index: int, prefix: str = "", **changes: object) -> dict[str, Any]:
    return {
        "lesion_id": f"{prefix}l{index}",
        "image_id": f"{prefix}i{index}",
        "finding_id": "",
        "label": "malignant",
        "label_source": "biopsy",
        "high_risk": False,
        "finding": "",
        "birads": "",
        "pathology_type": "",
        **outline_values(MASK, BOX),
        "gray": 100.0 + index,
        **changes,
    }


@pytest.fixture
def manifest() -> Manifest:
    return Manifest.of(FRAME, [image(i) for i in range(6)], [lesion(0), lesion(1, label="benign")])


def test_a_round_trip_is_the_same_byte_for_byte(manifest: Manifest, tmp_path: Path) -> None:
    manifest.save(tmp_path / "a")
    Manifest.load(tmp_path / "a").save(tmp_path / "b")
    for name in ("store.json", "images.parquet", "lesions.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    pd.testing.assert_frame_equal(Manifest.load(tmp_path / "a").images, manifest.images)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "images.parquet",
        "lesions.parquet",
        "store.json",
    ]


def test_values_are_read_as_they_were_written(manifest: Manifest) -> None:
    assert manifest.chain("i3") == chain(3)
    assert np.abs(manifest.tissue("i0") - SHARES).max() <= 0.5 / 255 + 1e-6
    assert manifest.tissue("i0").dtype == np.float32
    mask, box = manifest.outline("l1")
    assert box == BOX
    assert np.array_equal(mask, MASK)
    expected = chain(1).mask_to_network(MASK, BOX)
    got = manifest.network_outline("l1")
    assert got[1] == expected[1]
    assert np.array_equal(got[0], expected[0])


def test_a_split_holds_its_images_and_their_lesions(manifest: Manifest) -> None:
    with pytest.raises(MammoError, match=r"python -m mammo\.split"):
        manifest.of_split(Split.TRAIN)
    split = replace(manifest, images=manifest.images.assign(split=["train"] * 2 + ["val"] * 4))
    assert list(split.of_split(Split.TRAIN).images.index) == ["i0", "i1"]
    assert list(split.of_split(Split.TRAIN).lesions.index) == ["l0", "l1"]
    assert list(split.of_split(Split.VAL).images.index) == ["i2", "i3", "i4", "i5"]
    assert split.of_split(Split.VAL).lesions.empty


def test_the_digest_follows_content_not_pseudonyms(manifest: Manifest) -> None:
    other = Manifest.of(FRAME, [image(i, "z") for i in range(6)], [lesion(0, "z"), lesion(1, "z", label="benign")])
    assert other.digest() == manifest.digest()
    content = sha256(json.dumps(asdict(FRAME)).encode())
    for table in (manifest.images, manifest.lesions):
        for name, column in table.reset_index().items():
            values = column.tolist()
            if str(name).endswith("_id"):
                values = [int(value[1:]) if value else -1 for value in values]
            content.update(repr((name, values)).encode())
    assert manifest.digest() == content.hexdigest()
    changed = Manifest.of(FRAME, [image(i) for i in range(6)], [lesion(0), lesion(1)])
    assert changed.digest() != manifest.digest()
    regrouped = [image(i, patient_id="p0") for i in range(6)]
    assert replace(manifest, images=Manifest.of(FRAME, regrouped, []).images).digest() != manifest.digest()


def test_the_digest_distinguishes_joined_separate_and_unknown_findings() -> None:
    def digest(prefix: str, *findings: str) -> str:
        rows = [lesion(i, prefix, finding_id=finding) for i, finding in enumerate(findings)]
        return Manifest.of(FRAME, [image(i, prefix) for i in range(2)], rows).digest()

    kinds = (("", ""), ("f", "f"), ("f", "g"), ("f", ""), ("", "f"))
    assert len({digest("", *findings) for findings in kinds}) == len(kinds)
    assert digest("", "f", "f") == digest("z", "u", "u")


def test_a_store_without_lesions_loads(tmp_path: Path) -> None:
    Manifest.of(FRAME, [image(0)], []).save(tmp_path)
    assert Manifest.load(tmp_path).lesions.empty


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"no store at .*nowhere: make one with make demo or python -m mammo\.ingest"):
        Manifest.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("images", "lesions", "message"),
    [
        ([image(0), image(0)], [], "image_id i0 occurs twice"),
        ([image(0, density="E")], [], "image_id i0 has density 'E', which must be one of nothing, A, B, C, D"),
        ([image(0)], [lesion(0), lesion(0)], "lesion_id l0 occurs twice"),
        ([image(0)], [lesion(3)], "lesion l3 is on image i3, which is not in the store"),
        ([image(0)], [lesion(0, label="cancer")], "lesion_id l0 has label 'cancer', which must be one of malignant"),
        ([image(0, view="ML")], [], "image_id i0 has view 'ML'"),
        ([image(0, split="train"), image(1, split="val")], [], "patient p0 is in more than one split"),
        ([image(0, split="train"), image(2, split="val", exam_id="e0")], [], "exam e0 is in more than one split"),
        ([image(0, split="train"), image(2, split="val", sha256="0" * 64)], [], "SHA-256 000"),
    ],
)
def test_contradictions_are_named(tmp_path: Path, images: list[Row], lesions: list[Row], message: str) -> None:
    Manifest.of(FRAME, images, lesions).save(tmp_path)
    with pytest.raises(MammoError) as error:
        Manifest.load(tmp_path)
    assert message in str(error.value)


def test_damage_is_named(manifest: Manifest, tmp_path: Path) -> None:
    manifest.save(tmp_path)
    manifest.images.reset_index().drop(columns="view").to_parquet(tmp_path / "images.parquet")
    with pytest.raises(MammoError, match=r"images\.parquet has no column view"):
        Manifest.load(tmp_path, checked=False)
    (tmp_path / "images.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(MammoError, match=r"images\.parquet cannot be read"):
        Manifest.load(tmp_path, checked=False)
    with pytest.raises(MammoError, match=r"images\.parquet is damaged \(7 bytes instead of \d+\)"):
        Manifest.load(tmp_path)
    (tmp_path / "store.json").unlink()
    with pytest.raises(MammoError, match="no store at"):
        Manifest.load(tmp_path)


def test_the_sources_survive_a_round_trip_and_are_not_in_the_digest(manifest: Manifest, tmp_path: Path) -> None:
    named = replace(manifest, sources=(DataSet("phantom", "table", "eighth"),))
    named.save(tmp_path)
    assert Manifest.load(tmp_path).sources == (DataSet("phantom", "table", "eighth"),)
    assert named.digest() == manifest.digest()


@pytest.mark.parametrize("n_moves", range(5))
def test_an_interrupted_save_leaves_both_old_tables_or_both_new_ones(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_moves: int
) -> None:
    manifest.save(tmp_path)
    lesions = manifest.lesions.assign(label_source="changed")
    changed = replace(manifest, images=manifest.images.assign(vendor="changed"), lesions=lesions)
    moves, plain = iter(range(9)), Path.replace

    def moved(path: Path, target: Path) -> Path:
        if next(moves) == n_moves:
            raise KeyboardInterrupt
        return plain(path, target)

    monkeypatch.setattr(Path, "replace", moved)
    with pytest.raises(KeyboardInterrupt):
        changed.save(tmp_path)
    monkeypatch.undo()
    found = Manifest.load(tmp_path)
    is_new = (found.images["vendor"] == "changed").all(), (found.lesions["label_source"] == "changed").all()
    assert is_new == ((True, True) if n_moves > 2 else (False, False)), "the header, moved third, decides"
    changed.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"store.json", "images.parquet", "lesions.parquet"}
