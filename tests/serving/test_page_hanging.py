"""Which images of a folder hang together in the page."""

from mammo.inference.exams import ExamImage
from mammo.records import Laterality, View
from mammo.serving.page_hanging import Hanging, hangings

R, L, CC, MLO = Laterality.RIGHT, Laterality.LEFT, View.CC, View.MLO


def image(exam: str, laterality: Laterality, view: View, date: str = "", patient: str = "P") -> ExamImage:
    return ExamImage(patient, exam, laterality, view, date)


def test_an_exam_hangs_with_the_right_breast_on_the_left_and_the_chosen_image_in_its_place() -> None:
    images = [image("1", L, MLO), image("1", R, MLO), image("1", L, CC), image("1", R, CC), image("1", R, CC), None]
    found = hangings(images)
    assert [one.exam for one in found[:4]] == [(3, 2, 1, 0)] * 4
    assert found[4].exam == (4, 2, 1, 0), "a second image of a view takes the place of the first"
    assert found[5] == Hanging()


def test_exams_of_one_number_belong_to_their_patients_and_unknown_exams_to_no_other_image() -> None:
    images = [image("1", R, CC), image("1", L, CC, patient="Q"), image("", L, CC), image("", R, MLO)]
    assert [one.exam for one in hangings(images)] == [
        (0, None, None, None),
        (None, 1, None, None),
        (None, 2, None, None),
        (None, None, 3, None),
    ]


def test_the_prior_is_the_same_view_of_the_last_earlier_exam() -> None:
    dates = ["20200301", "20180301", "20190301", "", "20210301"]
    images = [image(str(number), L, CC, date) for number, date in enumerate(dates)]
    images += [image("5", L, MLO, "20190601"), image("6", L, CC, "20190601", patient="Q")]
    assert [one.prior for one in hangings(images)] == [2, None, 1, None, 0, None, None]
