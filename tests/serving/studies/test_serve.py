"""A study begun with a real bundle: the scores that readers see are those of its networks, computed once."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from mammo.bundle import main as bundle_runs
from mammo.inference.predictor import PredictOptions, Predictor
from mammo.records import MammoError
from mammo.serving.studies.cases import StudyCases
from mammo.serving.studies.serve import opened_study, print_facts
from mammo.serving.studies.settings import Settings
from tests.inference.conftest import fagg, trained_root  # noqa: F401  (fixtures)
from tests.serving.studies.study_cases import SCORING, write_store, write_study

OPTIONS = PredictOptions(changes=False)


def _of_other_scale(predictor: Predictor) -> Predictor:
    """A predictor whose networks were trained on images of another scale than those of the test's store."""
    (member,) = predictor.ensemble.members
    other = replace(member, run=replace(member.run, scale=0.123))
    return Predictor(replace(predictor.ensemble, members=(other,)), predictor.facts, predictor.options)


def test_the_scores_that_are_shown_are_those_of_the_run(
    fagg: Path,  # noqa: F811
    trained_root: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = tmp_path / "my.bundle"
    assert bundle_runs([str(fagg), "-o", str(bundle), "--sensitivity-lesions", "3"]) == 0
    settings = Settings.read(write_study(tmp_path, trained_root / "store"))
    expected = pd.read_csv(fagg / "lesions.csv").set_index("lesion_id")
    with opened_study(settings, bundle, OPTIONS) as page:
        prepared = page.study.prepared
        assert set(prepared.lesions) == set(expected.index[expected["label"] != "none"])
        for lesion, shown in zip(prepared.lesions, prepared.shown, strict=True):
            assert shown["score"] == pytest.approx(expected["score"][lesion], abs=1e-5)
            assert shown["score_sd"] == pytest.approx(expected["score_sd"][lesion], abs=1e-5)
            for one in shown["thresholds"]:  # rates of the test split would give away how many cases are malignant
                assert set(one) == {"threshold", "below", "meaning"}
                assert one["below"] == (shown["score"] < one["threshold"])
        with (
            pytest.raises(MammoError, match=r"another process holds .*: a mammo serve runs this study"),
            opened_study(settings, bundle, OPTIONS),
        ):
            pass
    printed = capsys.readouterr().out
    assert "patients, but most multi-reader analyses take cases as independent" in printed
    assert "malignant" not in printed, "a reader can see the terminal"
    labels = expected["label"][expected["label"] != "none"]
    benign = tuple(map(str, labels.index[labels == "benign"]))
    alone = replace(settings, split=None, lesions=benign, output=tmp_path / "alone")
    with pytest.raises(MammoError, match="all the same label, but no AUC"), opened_study(alone, bundle, OPTIONS):
        pass
    assert not alone.output.exists()
    smaller = _of_other_scale(Predictor.load(bundle, OPTIONS))
    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "load", lambda *_: smaller)
        with opened_study(replace(settings, output=tmp_path / "other"), bundle, OPTIONS):
            assert "warning: The images were ingested with data.scale=" in capsys.readouterr().out
    monkeypatch.setattr(Predictor, "load", lambda *_: pytest.fail("the scores are there already"))
    with opened_study(settings, bundle, OPTIONS) as page:
        assert page.study.prepared.shown == prepared.shown


def test_what_makes_a_case_doubtful_is_named_before_readers_see_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = write_store(tmp_path / "store", 3, flags="burned_in+upside_down", n_parts=2)
    settings = Settings.read(write_study(tmp_path, store))
    facts: Any = SimpleNamespace(name=SCORING.bundle, images=SimpleNamespace(knows=lambda _: False))
    print_facts(settings, StudyCases.of(settings), facts)
    printed = capsys.readouterr().out
    assert "so view them: burned_in 1, upside_down 1" in printed
    assert "of which readers see the largest edge: 1" in printed
    assert "study phantoms: 3 cases, 2 readers\n" in printed
    assert "malignant" not in printed


@pytest.mark.parametrize(("days", "is_warned"), [(0, True), (0.5, True), (1, False), (28, False)])
def test_less_than_a_day_between_sessions_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], days: float, is_warned: bool
) -> None:
    store = write_store(tmp_path / "store", 3)
    settings = Settings.read(write_study(tmp_path, store, design="independent", days=days))
    facts: Any = SimpleNamespace(name=SCORING.bundle, images=SimpleNamespace(knows=lambda _: False))
    print_facts(settings, StudyCases.of(settings), facts)
    warning = f"warning: days is {days:g}, less than one: readers can remember cases of the first session\n"
    assert (warning in capsys.readouterr().out) is is_warned
