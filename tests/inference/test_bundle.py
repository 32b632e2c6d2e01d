"""A bundle scores as its runs do, holds nothing of the user's machine, and is rejected where a byte was changed."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from mammo.bundle import main
from mammo.inference.bundle import DIGEST_BYTES, FORMAT, Bundle, write_bundle
from mammo.inference.bundle_facts import BundleFacts
from mammo.inference.ensemble import Ensemble, averaged
from mammo.inference.predictor import PredictOptions, Predictor
from mammo.inference.store_scores import score_store
from mammo.records import MammoError
from mammo.scoring.thresholds import rates_at
from mammo.training.results import read_run


@pytest.fixture(scope="module")
def bundle(fagg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "my.bundle"
    assert main([str(fagg), "-o", str(path), "--data-license", "CC0 | <b>", "--sensitivity-lesions", "3"]) == 0
    return path


def test_scores_are_those_of_the_run_wherever_the_bundle_lies(
    bundle: Path, fagg: Path, trained_root: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere" / "renamed"
    moved.parent.mkdir()
    shutil.copy(bundle, moved)
    own = score_store(Ensemble.load(fagg), trained_root / "store", 20).table
    found = score_store(Ensemble.load(moved), trained_root / "store", 20).table
    pd.testing.assert_frame_equal(own, found)


def test_thresholds_and_calibration_are_those_of_the_validation_lesions(bundle: Path, fagg: Path) -> None:
    facts, run = BundleFacts.of(Bundle.open(bundle)), read_run(fagg)
    validation, test = run.validation(), run.lesions()
    assert validation is not None
    for each in facts.thresholds:
        for table, tnr, fnr in (
            (validation, each.tnr_validation, each.fnr_validation),
            (test, each.tnr_test, each.fnr_test),
        ):
            rates = rates_at(table["malignant"], table["score"], each.threshold)
            assert (tnr.value, fnr.value) == (rates.tnr, rates.fnr)
            for rate in (tnr, fnr):
                assert rate.low is None or rate.low <= (rate.value or 0) <= (rate.high or 0)
        assert (each.fnr_validation.value or 0) <= each.fnr
    assert [each.fnr for each in facts.thresholds] == [0, 0.01, 0.02, 0.03, 0.05]
    assert facts.calibration.prevalence == validation["malignant"].mean()


def test_no_event_has_an_interval_that_is_not_certain(bundle: Path) -> None:
    first = BundleFacts.of(Bundle.open(bundle)).thresholds[0]
    assert first.fnr_validation.value == 0
    assert first.fnr_validation.low == 0
    assert first.fnr_validation.high is not None
    assert first.fnr_validation.high > 0.1, "few patients"


def test_same_runs_give_the_same_bytes_and_another_file_is_kept(
    bundle: Path, fagg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data-license", "CC0 | <b>", "--sensitivity-lesions", "3", "--name", "my"]
    again = tmp_path / "again.bundle"
    assert main([str(fagg), "-o", str(again), *words]) == 0
    assert again.read_bytes() == bundle.read_bytes()
    other = tmp_path / "other"
    other.write_text("something else")
    assert main([str(fagg), "-o", str(other), *words]) == 2
    assert "already exists and is another file" in capsys.readouterr().err
    assert other.read_text() == "something else"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_nothing_of_the_user_s_machine_and_no_patient_is_in_it(bundle: Path, trained_root: Path, fagg: Path) -> None:
    content = bundle.read_bytes()
    validation = read_run(fagg).validation()
    assert validation is not None
    secrets = [str(trained_root), trained_root.name, *validation["patient_id"], *validation["lesion_id"]]
    assert not [secret for secret in secrets if secret.encode() in content]
    assert b"command" in content, "as an empty text"
    assert Bundle.open(bundle).facts["members"][0]["result"]["command"] == ""


def test_every_changed_byte_is_found(bundle: Path, tmp_path: Path) -> None:
    content, path = bundle.read_bytes(), tmp_path / "changed.bundle"
    rng = np.random.default_rng(0)
    places = [0, 30, len(content) - 1, len(content) - DIGEST_BYTES - 1, *rng.integers(0, len(content), 60)]
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(changed))
        with pytest.raises(MammoError, match=r"changed\.bundle is not a whole bundle .*: copy it again, or make it"):
            Bundle.open(path)
    for length in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(MammoError, match="is not a whole bundle"):
            Bundle.open(path)


def resealed(path: Path, bundle: Path, change: Any) -> Path:
    """A bundle whose facts were changed on purpose, with a digest that fits."""
    opened = Bundle.open(bundle)
    facts = json.loads(json.dumps(dict(opened.facts)))
    change(facts)
    with zipfile.ZipFile(bundle) as archive:
        names = [name[len("weights/") : -len(".safetensors")] for name in archive.namelist() if "weights/" in name]
    weights = {name: opened.weights(name) for name in names}
    write_bundle(path, facts, "card", weights, overwrite=True)
    return path


CHANGES: dict[str, tuple[Any, str]] = {
    "no members": (lambda facts: facts.pop("members"), "members in its bundle.json is not a list"),
    "members of text": (lambda facts: facts.update(members=["x"]), "is not a whole member"),
    "no thresholds": (lambda facts: facts.pop("thresholds"), "thresholds in its bundle.json is not a list"),
    "threshold of text": (lambda facts: facts["thresholds"][0].update(threshold="x"), "cannot be used"),
    "threshold beyond 1": (lambda facts: facts["thresholds"][0].update(threshold=2), "2 is not a number from 0 to 1"),
    "unknown rule": (lambda facts: facts["calibration"].update(rule="x"), "calibration: rule 'x'"),
    "falling knots": (
        lambda facts: facts["calibration"].update(rule="isotonic", knots=[[1, 0], [0, 1]]),
        "knots are not ascending",
    ),
    "range of text": (lambda facts: facts["ranges"].update(gray="x"), "is not a range"),
    "weights that are missing": (
        lambda facts: facts["members"][0]["networks"]["own"].update(weights="nothing"),
        "it has no weights/nothing.safetensors",
    ),
    "weights of another network": (
        lambda facts: facts["members"][0]["networks"]["own"].update(
            weights=facts["members"][0]["networks"]["floc"]["weights"]
        ),
        "does not fit FAgg",
    ),
    "a class that runs code": (
        lambda facts: facts["members"][0]["networks"]["own"].update(target="os.system"),
        "os.system",
    ),
    "a loss that runs code": (
        lambda facts: facts["members"][0]["config"]["model"].update(loss={"_target_": "subprocess.run"}),
        "subprocess.run",
    ),
    "a huge network": (
        lambda facts: facts["members"][0]["networks"]["floc"]["arguments"]["backbone"]["arguments"].update(
            widths=[4096, 4096, 4096]
        ),
        "larger network than|does not fit|hyper_parameters",
    ),
    "an interpolation": (
        lambda facts: facts["members"][0]["config"]["data"].update(name="${oc.env:HOME}"),
        "it has an interpolation",
    ),
    "another frame": (lambda facts: facts["frame"].update(height=736), "frame in its bundle.json is .*736"),
    "another scale": (lambda facts: facts.update(scale=2.0), "scale in its bundle.json is 2.0, but members.0 has"),
    "another order": (lambda facts: facts["map_order"].reverse(), r"map_order in its bundle.json is \['benign'"),
    "other maps": (lambda facts: facts.update(maps=["loc"]), r"maps in its bundle.json is \['loc'\]"),
    "another model": (lambda facts: facts.update(model="f_loc"), "model in its bundle.json is 'f_loc'"),
    "other data": (lambda facts: facts.update(trained_on=[]), r"trained_on in its bundle.json is \[\], but"),
    "a member twice": (lambda facts: facts["members"].append(facts["members"][0]), "is in it twice"),
    "members of two windows": (
        lambda facts: facts["members"].append(
            facts["members"][0]
            | {"result": facts["members"][0]["result"] | {"digest": "0" * 64}}
            | {"config": facts["members"][0]["config"] | {"max_angle_deg": 1.0}}
        ),
        "members.0 and members.1 differ in frame or windows",
    ),
    "allowed targets": (
        lambda facts: facts["members"][0]["config"].update(allow_targets=["x"]),
        "sets allow_targets, which only the command line may set",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_bundle_made_to_harm_is_one_sentence(name: str, bundle: Path, tmp_path: Path) -> None:
    change, message = CHANGES[name]
    path = resealed(tmp_path / "x.bundle", bundle, change)
    with pytest.raises(MammoError, match=message) as caught:
        Predictor.load(path, PredictOptions())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda names: [*names, "bundle.json"], "it has bundle.json twice"),
        (lambda names: [name for name in names if name != "MODEL_CARD.md"], "it has no MODEL_CARD.md"),
        (lambda names: names[1:], "it has no bundle.json"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_the_archive_are_there_once(change: Any, message: str, bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.bundle"
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"0" * 64
        for name in change(source.namelist()):
            archive.writestr(name, source.read(name))
    content = path.read_bytes()[:-64]
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    with pytest.raises(MammoError, match=rf"x\.bundle is not a whole bundle \({message}\)"):
        Bundle.open(path)


def test_another_version_and_other_files_are_one_sentence(bundle: Path, tmp_path: Path, fagg: Path) -> None:
    path = resealed(tmp_path / "x.bundle", bundle, lambda facts: None)
    text = zipfile.ZipFile(path).read("bundle.json").decode()
    assert json.loads(text)["format"] == FORMAT
    with pytest.raises(MammoError, match="is not a whole bundle"):
        Bundle.open(fagg / "best.ckpt")
    with pytest.raises(MammoError, match=r"no such bundle \(did you mean .*x\.bundle"):
        Bundle.open(tmp_path / "y.bundle")


@pytest.mark.parametrize(
    "words", [("-o", "card.md"), ("--name", "x"), ("--overwrite",), ("--sensitivity-lesions", "0")], ids=str
)
def test_options_that_write_do_not_go_with_show(
    bundle: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--show", str(bundle), *words]) == 2
    assert f"{words[0]} does not go with --show" in capsys.readouterr().err


def test_the_card_escapes_what_the_user_wrote_and_leaves_open_what_no_run_knows(bundle: Path) -> None:
    card = Bundle.open(bundle).card()
    assert r"CC0 \| &lt;b&gt;" in card
    assert "one mammogram (CC or MLO) and the outline of one lesion; window of" in card
    assert "<b>" not in card
    assert "trained on synthetic phantoms" in card
    assert card.count("**open**") > 8
    assert "shifted by 2 mm |" in card
    assert "undefined" not in card.split("## Dependence")[1].split("## Limits")[0]


def test_runs_that_do_not_go_together_are_an_error(
    trained_root: Path, fagg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (floc,) = trained_root.glob("runs/floc-*")
    for runs, message in (
        ([fagg, floc], "differ in model"),
        ([fagg, fagg], "a run is named twice"),
        ([str(trained_root / "runs" / "nothing-*")], "no folder matches this pattern"),
    ):
        assert main([*map(str, runs), "-o", str(tmp_path / "x.bundle")]) == 2
        assert message in capsys.readouterr().err
    assert main([str(fagg)]) == 2
    assert "give -o FILE" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_f_loc_alone_is_a_bundle(trained_root: Path, tmp_path: Path) -> None:
    (floc,) = trained_root.glob("runs/floc-*")
    path = tmp_path / "floc.bundle"
    assert main([str(floc), "-o", str(path), "--sensitivity-lesions", "0"]) == 0
    own = score_store(Ensemble.load(floc), trained_root / "store", 10).table
    found = score_store(Ensemble.load(path), trained_root / "store", 10).table
    assert own["score"].tolist() == found["score"].tolist()


def test_the_score_of_an_ensemble_is_the_mean_of_its_members(fagg: Path, trained_root: Path) -> None:
    scorer = Ensemble.load(fagg).members[0]
    torch.manual_seed(0)
    other = Ensemble.load(fagg).members[0]
    with torch.no_grad():
        for parameter in other.network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    ensemble = Ensemble((scorer, other))
    data = ensemble.datamodules(trained_root / "store", 7)
    manifest = data[0].split_data(None).manifest
    found = ensemble.score(data, ensemble.saliency(trained_root / "store", manifest, list(manifest.images.index)), True)
    one, two = (each.scores for each in found.members)
    assert not np.allclose(one.score, two.score)
    assert np.allclose(found.mean.scores.score, (one.score + two.score) / 2, atol=1e-12)
    windows = (one.window_score + two.window_score) / 2
    spread = [windows[one.lesion == lesion].std() for lesion in range(len(one.score))]
    assert np.allclose(found.mean.scores.sd, spread)
    sd_seeds = found.sd_seeds()
    assert sd_seeds is not None
    assert np.allclose(sd_seeds, np.abs(one.score - two.score) / 2)
    assert averaged(found.members[:1]) is found.members[0]
    assert found.without_context is not None
