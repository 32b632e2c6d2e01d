from mammo.ingestion.image_labels import ImageLabels
from mammo.intake.rejections import Code, left_out
from mammo.records import Cohort, Finding, ImageRecord, LabelSource, Laterality, Pathology, View

IMAGES = tuple(
    ImageRecord(f"{side}-{view}", "p", "e", side, view) for side in Laterality for view in (View.CC, View.MLO)
)
IMAGE_OF = {image.path: image.path.lower() for image in IMAGES}


def columns(cohort: Cohort) -> dict[str, list[str]]:
    """The images for which each column is true."""
    labels = ImageLabels.of(cohort, IMAGE_OF)
    rows = {image.path: labels.columns(image, IMAGE_OF[image.path]) for image in cohort.images}
    return {name: [path for path, row in rows.items() if row[name]] for name in rows[IMAGES[0].path]}


def test_a_finding_without_an_outline_labels_its_image_and_leaves_its_place_open() -> None:
    findings = (
        Finding("L-CC", Pathology.MALIGNANT, LabelSource.BIOPSY),
        Finding("L-CC", Pathology.BENIGN, LabelSource.UNKNOWN),
    )
    assert columns(Cohort(IMAGES, (), findings=findings)) == {
        "malignant": ["L-CC"],
        "benign": ["L-CC"],
        "unplaced": ["L-CC"],
        "negative": ["R-CC", "R-MLO"],
    }


def test_a_lesion_with_an_unusable_outline_keeps_its_label() -> None:
    lost = left_out("mask.png", Code.OUTLINE_EMPTY, "R-MLO", Pathology.MALIGNANT)
    found = columns(Cohort(IMAGES, (), left_out=(lost,)))
    assert (found["malignant"], found["unplaced"], found["negative"]) == (["R-MLO"], ["R-MLO"], ["L-CC", "L-MLO"])


def test_an_unlabeled_finding_is_neither_class_and_not_negative() -> None:
    found = columns(Cohort(IMAGES, (), findings=(Finding("L-CC", Pathology.NONE, LabelSource.NONE),)))
    assert found == {"malignant": [], "benign": [], "unplaced": ["L-CC"], "negative": ["R-CC", "R-MLO"]}


def test_the_labels_of_a_duplicate_count_for_the_image_that_is_kept() -> None:
    finding = Finding("L-CC", Pathology.MALIGNANT, LabelSource.BIOPSY)
    labels = ImageLabels.of(Cohort(IMAGES, (), findings=(finding,)), IMAGE_OF | {"L-CC": "r-cc"})
    assert labels.malignant == labels.unplaced == {"r-cc"}
