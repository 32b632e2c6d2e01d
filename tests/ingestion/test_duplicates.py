from dataclasses import replace

from mammo.ingestion.duplicates import Candidate, repeated_elsewhere

IMAGE = Candidate("1", ("one", "L", "CC"), "exam", "", "pixels", bytes([0, 90, 200]), lossy=False)


def test_images_with_the_pixels_of_another_patient_side_or_view_are_counted() -> None:
    patient = replace(IMAGE, image_id="2", breast=("two", "L", "CC"))
    view = replace(IMAGE, image_id="3", breast=("one", "L", "MLO"))
    copy, other = replace(IMAGE, image_id="4"), replace(patient, image_id="5", key="other pixels")
    stored = {"1", "2", "3", "4", "5"}
    assert repeated_elsewhere([IMAGE, copy, other], stored) == 0
    assert repeated_elsewhere([IMAGE, patient, other], stored) == 2
    assert repeated_elsewhere([IMAGE, patient, view, other], stored) == 3
    assert repeated_elsewhere([IMAGE, patient], {"1"}) == 0
    blank = [replace(one, thumbnail=bytes(3)) for one in (IMAGE, patient)]
    assert repeated_elsewhere(blank, stored) == 0
