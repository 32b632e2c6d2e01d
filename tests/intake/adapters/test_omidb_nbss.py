from typing import Any

import pytest

from mammo.intake.adapters._labels import LesionLabel
from mammo.intake.adapters._omidb_nbss import Episode, breast_label, episode_on, is_normal, lesions_label
from mammo.records import LabelSource, Laterality, Pathology

LEFT = Laterality.LEFT


@pytest.mark.parametrize(
    ("biopsy", "surgery", "label", "high_risk"),
    [
        ({"Opinion": "B5a"}, {}, "malignant", False),
        ({"Opinion": "B2"}, {"Opinion": "H5"}, "malignant", False),
        ({"Opinion": "B4"}, {"InvasiveComponents": "Ductal"}, "malignant", False),
        ({"Opinion": "B3"}, {"InvasiveComponents": None, "DCISGrade": ""}, "benign", True),
        ({"Opinion": "B2"}, {}, "benign", False),
        ({"Opinion": "B1"}, {"Opinion": "H2"}, "benign", False),
        ({"Opinion": "B4"}, {}, "none", False),
        ({"Opinion": "B4"}, {"Opinion": "H2"}, "benign", False),
        ({"Opinion": "B2", "DiseaseGrade": "NA", "DcisGrade": "NDN", "MalignancyType": "c"}, {}, "benign", False),
        ({"Opinion": "B2", "InsituPresent": "N", "InvasivePresent": "Y"}, {}, "malignant", False),
        ({"Opinion": "B2", "Location": "H5"}, {}, "benign", False),
        ({"Opinion": None, "Location": "B2"}, {}, "none", False),
        ({"Opinion": "B1"}, {}, "none", False),
        ({}, {}, "none", False),
    ],
)
def test_the_label_of_a_lesion(biopsy: dict[str, Any], surgery: dict[str, Any], label: str, high_risk: bool) -> None:
    episode = {"BIOPSYWIDE": {"L": {"1": biopsy}}, "SURGERY": {"L": {"1": surgery}}}
    found = lesions_label(episode, LEFT, ["1"])
    assert (found[0], found[2]) == (label, high_risk)
    assert (found[1] is LabelSource.BIOPSY) == (found[0] is not Pathology.NONE)
    assert lesions_label(episode, Laterality.RIGHT, ["1"])[0] is Pathology.NONE


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"Opinion": "B5a"}, "in situ"),
        ({"Opinion": "H5b"}, "invasive"),
        ({"Opinion": "B5", "MalignancyType": "a"}, "in situ"),
        ({"Opinion": "B5a", "MalignancyType": "b"}, "invasive"),
        ({"Opinion": "B5"}, ""),
        ({"Opinion": "B2"}, ""),
    ],
)
def test_the_type_of_a_cancer(fields: dict[str, Any], kind: str) -> None:
    assert lesions_label({"BIOPSYWIDE": {"L": {"1": fields}}}, LEFT, ["1"]).pathology_type == kind


def test_several_lesions_are_benign_only_if_each_is() -> None:
    episode = {"BIOPSYWIDE": {"L": {"1": {"Opinion": "B2"}, "2": {"Opinion": "B3"}, "3": {"Opinion": "B1"}}}}
    assert lesions_label(episode, LEFT, ["1", "2"]) == LesionLabel(Pathology.BENIGN, LabelSource.BIOPSY, True)
    assert lesions_label(episode, LEFT, ["1", "3"])[0] is Pathology.NONE


def test_leading_zeros_in_lesion_numbers_are_ignored() -> None:
    episode = {"BIOPSYWIDE": {"L": {"2": {"Opinion": "B2"}, "03": {"Opinion": "B5"}, "20": {"Opinion": "B5"}}}}
    assert [lesions_label(episode, LEFT, [number])[0] for number in ("02", "3", "20")] == [
        "benign",
        "malignant",
        "malignant",
    ]


def test_an_episode_with_an_event_on_the_day_of_a_study_precedes_open_episodes() -> None:
    open_then: Episode = {"EpisodeOpenedDate": "2014-01-01", "EpisodeClosedDate": "20141231"}
    screened: Episode = {"SCREENING": {"L": {"DateTaken": "2014-03-05"}}}
    again: Episode = {"OTHERSCREENING": {"1": {"R": {"DateTaken": "20140306"}}}}
    biopsied: Episode = {"BIOPSYWIDE": {"L": {"1": {"DatePerformed": "2014-03-07"}}}}
    operated: Episode = {"SURGERY": [{"dateperformed": "2014-03-08"}], "IntervalCancerDateOfDiagnosis": "2014-03-09"}
    known = [open_then, screened, again, biopsied, operated]
    for day, episode in ((4, open_then), (5, screened), (6, again), (7, biopsied), (8, operated), (9, open_then)):
        assert episode_on(known, f"2014-03-{day:02d}") is episode_on(known, f"201403{day:02d}") is episode
    assert episode_on(known, "2015-03-05") is episode_on(known, None) is episode_on([{}], "") is None


def test_the_only_lesion_of_a_breast_takes_the_opinion_on_the_breast() -> None:
    episode = {"LESION": {"L": {"1": {}}}, "BIOPSYWIDE": {"left_opinion": "Malignant"}}
    assert breast_label(episode, LEFT) == LesionLabel(Pathology.MALIGNANT, LabelSource.BREAST_LEVEL, False)
    two = episode | {"LESION": {"L": {"1": {}, "2": {}}}}
    assert breast_label(two, LEFT)[0] is Pathology.NONE


def test_an_episode_is_normal_without_biopsy_surgery_and_interval_cancer() -> None:
    assert is_normal({"EpisodeType": "R", "SCREENING": {"L": {}}})
    assert not is_normal({"BIOPSYFINE": {"L": {"1": {}}}})
    assert not is_normal({"EpisodeType": "CI"})
    assert not is_normal({"IntervalCancerDateOfDiagnosis": "2015-01-01"})
