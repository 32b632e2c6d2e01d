"""Planted faults: the audit finds each under its own name, and nothing where none was planted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo.geometry import Box
from mammo.quality.audit import audit
from mammo.store.schema import outline_values

N_PATIENTS = 450
Plant = Callable[[Any, int], str]
"""Plants one fault in the exam of a patient who has a lesion; returns the subject that must be reported."""

RNG = np.random.default_rng(9)


def image(patient: int, number: int = 0) -> str:
    return f"{patient:06x}{number}"


def change(table: str, **values: Any) -> Plant:
    """A fault that is a changed value of the patient's first image or lesion."""

    def plant(store: Any, patient: int) -> str:
        key = image(patient) if table == "images" else f"l{patient}"
        getattr(store, table)[key] |= values
        return key

    return plant


def of_exam(change_rows: Callable[[list[dict[str, Any]], int], object], subject: str) -> Plant:
    """A fault among the four rows of an exam."""

    def plant(store: Any, patient: int) -> str:
        change_rows([store.images[image(patient, number)] for number in range(4)], patient)
        return f"{subject}{patient}"

    return plant


def pixels(change_pixels: Callable[[np.ndarray], np.ndarray]) -> Plant:
    def plant(store: Any, patient: int) -> str:
        store.pixels[image(patient)] = change_pixels(store.pixels[image(patient)]).astype(np.uint16)
        return image(patient)

    return plant


def outline(mask: np.ndarray, box: Box) -> Plant:
    return change("lesions", **outline_values(mask, box))


def copied(change_pixels: Callable[[np.ndarray], np.ndarray]) -> Plant:
    """The third image of the patient is made from the pixels of the first."""

    def plant(store: Any, patient: int) -> str:
        store.pixels[image(patient, 2)] = change_pixels(store.pixels[image(patient)]).astype(np.uint16)
        return image(patient, 2)

    return plant


def same_source(store: Any, patient: int) -> str:
    store.images[image(patient, 3)]["sha256"] = store.images[image(patient)]["sha256"]
    return image(patient, 3)


def leak(store: Any, patient: int) -> str:
    """The same picture in the exam of the patient after the next, who is in another split."""
    other = patient + 3
    store.pixels[image(other, 3)] = store.pixels[image(patient, 3)]
    splits = {"train": "test", "val": "train", "test": "val"}
    for number in range(4):
        store.images[image(other, number)]["split"] = splits[store.images[image(patient)]["split"]]
    return f"p{patient}"


def exam_of_two(store: Any, patient: int) -> str:
    for number in (2, 3):
        store.images[image(patient, number)]["patient_id"] = f"q{patient}"
    return f"e{patient}"


def conflict(store: Any, patient: int) -> str:
    lesion = store.lesions[f"l{patient}"]
    other = "benign" if lesion["label"] == "malignant" else "malignant"
    store.lesions[f"m{patient}"] = lesion | {"lesion_id": f"m{patient}", "image_id": image(patient, 1), "label": other}
    return f"e{patient} L"


def finding_apart(store: Any, patient: int) -> str:
    """The finding of a left breast has an outline in the right breast, too."""
    lesion = store.lesions[f"l{patient}"] | {"finding_id": f"f{patient}"}
    other = {"lesion_id": f"m{patient}", "image_id": image(patient, 2)}
    store.lesions |= {f"l{patient}": lesion, f"m{patient}": lesion | other}
    for number in (2, 3):
        store.images[image(patient, number)]["negative"] = False
    return f"f{patient}"


def finding_of_two_labels(store: Any, patient: int) -> str:
    """A finding is labeled in one view only."""
    lesion = store.lesions[f"l{patient}"] | {"finding_id": f"f{patient}"}
    other = {"lesion_id": f"m{patient}", "image_id": image(patient, 1), "label": "none", "label_source": "none"}
    store.lesions |= {f"l{patient}": lesion, f"m{patient}": lesion | other}
    return f"f{patient}"


def contradicted(store: Any, patient: int) -> str:
    other = {"malignant": "benign", "benign": "malignant"}[store.lesions[f"l{patient}"]["label"]]
    store.images[image(patient)]["elsewhere"] = f"theirs:{other}"
    return image(patient)


def orphan(store: Any, patient: int) -> str:
    store.lesions[f"l{patient}"]["image_id"] = "ffff"
    return f"l{patient}"


def twin(store: Any, patient: int) -> str:
    store.lesions[f"n{patient}"] = store.lesions[f"l{patient}"] | {"lesion_id": f"n{patient}"}
    return f"n{patient}"


def doubled(store: Any, patient: int) -> str:
    store.lesions[f"x{patient}"] = store.lesions[f"l{patient}"] | {}
    return f"l{patient}"


def missing(store: Any, patient: int) -> str:
    del store.pixels[image(patient)]
    return image(patient)


def damaged(store: Any, patient: int) -> str:
    return image(patient)  # the file is changed once it is written


def inverted(values: np.ndarray) -> np.ndarray:
    return 4095 - values


def noisy(values: np.ndarray) -> np.ndarray:
    return np.clip(values * 1.02 + RNG.integers(0, 20, values.shape), 0, 4095)


FULL = np.ones((12, 10), bool)
PLANTS: dict[str, Plant] = {
    "key_twice": doubled,
    "wrong_word": change("images", view="ML"),
    "lesion_without_image": orphan,
    "patient_in_two_splits": of_exam(
        lambda rows, _: rows[3].update(split={"train": "val"}.get(rows[3]["split"], "train")), "p"
    ),
    "exam_of_two_patients": exam_of_two,
    "official_split_broken": of_exam(
        lambda rows, _: [row.update(official_split="train" if row["split"] == "test" else "test") for row in rows], "p"
    ),
    "negative_with_lesion": change("images", negative=True),
    "label_without_source": change("lesions", label_source="none"),
    "high_risk_not_benign": change("lesions", high_risk=True, label="malignant"),
    "labels_conflict": conflict,
    "finding_in_two_breasts": finding_apart,
    "finding_of_two_labels": finding_of_two_labels,
    "labels_elsewhere": contradicted,
    "exam_lacks_view": of_exam(lambda rows, _: rows[1].update(view="CC"), "e"),
    "side_against_rule": change("images", mirrored=True),
    "frame_impossible": change("images", breast_row1=400),
    "pixels_missing": missing,
    "pixels_damaged": damaged,
    "pixels_of_other_size": pixels(lambda values: values[:-7]),
    "pixels_out_of_range": pixels(lambda values: np.where(values == values.max(), 5000, values)),
    "blank": pixels(lambda values: values * 0),
    "few_gray_values": pixels(lambda values: values // 512 * 512),
    "inverted": pixels(inverted),
    "outline_empty": outline(~FULL, Box(50, 62, 20, 30)),
    "outline_unreadable": change("lesions", mask=b"nothing"),
    "outline_outside_image": outline(FULL, Box(125, 137, 20, 30)),
    "outline_off_breast": outline(FULL, Box(6, 18, 79, 89)),
    "outline_too_large": outline(np.ones((120, 90), bool), Box(5, 125, 0, 90)),
    "outline_twice": twin,
    "same_source": same_source,
    "same_pixels": copied(lambda values: values),
    "near_duplicate": copied(noisy),
    "leak": leak,
    "odd_brightness": pixels(lambda values: np.where(values > 0, np.minimum(values + 2300, 4095), 0)),
}
EACH = 7


@pytest.fixture(scope="module")
def planted(
    make_store: Callable[[int], Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[tuple[str, str], int]]:
    """A store with EACH faults of every kind, every one in an exam of its own, and where they are."""
    store, faults, patient = make_store(N_PATIENTS), {}, 0
    for check, plant in PLANTS.items():
        for _ in range(EACH):
            faults[check, plant(store, patient)] = patient
            patient += 7 if check == "leak" else 1
            patient += patient % 3 == 2  # a patient without a lesion has nothing to plant a wrong outline in
    assert patient <= N_PATIENTS
    root = store.write(tmp_path_factory.mktemp("planted"))
    for check, subject in faults:
        if check == "pixels_damaged":
            damage(root, subject)
    return root, faults


def damage(root: Path, image_id: str) -> None:
    from mammo.store.image_store import _record_files

    record = _record_files(root).find(image_id)
    assert record
    with record.path.open("r+b") as stream:
        stream.seek(record.offset + record.size - 5)
        byte = stream.read(1)
        stream.seek(record.offset + record.size - 5)
        stream.write(bytes([byte[0] ^ 1]))


def test_all_planted_faults_are_found_and_nothing_else(planted: tuple[Path, dict[tuple[str, str], int]]) -> None:
    root, faults = planted
    assert len(faults) >= 200
    issues = audit(root).issues
    found = {(issue.check, issue.subject) for issue in issues}
    missed = set(faults) - found
    assert not missed
    # Every other issue is in an exam with a planted fault.
    exams = {f"{patient:06x}" for patient in faults.values()} | {
        f"{p + 3:06x}" for (c, _), p in faults.items() if c == "leak"
    }
    for issue in issues:
        if (issue.check, issue.subject) not in faults:
            assert {key[:6] for key in issue.images} & exams, issue


def test_a_clean_store_has_no_issue(make_store: Callable[[int], Any], tmp_path: Path) -> None:
    assert audit(make_store(60).write(tmp_path)).issues == ()


def test_a_drift_of_one_vendor_is_found(make_store: Callable[[int], Any], tmp_path: Path) -> None:
    store = make_store(30)
    for key, row in store.images.items():
        if row["vendor"] == "hologic":
            store.pixels[key] = np.minimum(store.pixels[key] * 1.6, 4095).astype(np.uint16)
    (issue,) = audit(store.write(tmp_path)).issues
    assert (issue.check, issue.subject) == ("vendor_drift", "hologic")


def test_few_patients_show_no_drift_of_their_vendor(make_store: Callable[[int], Any], tmp_path: Path) -> None:
    store = make_store(27)  # nine of each vendor, 36 images
    for key, row in store.images.items():
        if row["vendor"] == "hologic":
            store.pixels[key] = np.minimum(store.pixels[key] * 1.6, 4095).astype(np.uint16)
    assert not [issue for issue in audit(store.write(tmp_path)).issues if issue.check == "vendor_drift"]


def test_a_key_that_others_can_read_is_found(make_store: Callable[[int], Any], tmp_path: Path) -> None:
    store = make_store(15)
    store.write(tmp_path)
    (tmp_path / ".key").touch(mode=0o644)
    assert [issue.check for issue in audit(tmp_path).issues] == ["key_readable"]


def test_a_split_without_a_class_is_found(make_store: Callable[[int], Any], tmp_path: Path) -> None:
    store = make_store(15)
    for lesion in store.lesions.values():
        if store.images[lesion["image_id"]]["split"] == "val":
            lesion["label"] = "benign"
            store.images[lesion["image_id"]] |= {"malignant": False, "benign": True}
    (issue,) = audit(store.write(tmp_path)).issues
    assert (issue.check, issue.subject, issue.detail) == ("split_lacks_class", "val", "no malignant finding")
