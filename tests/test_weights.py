"""`python -m mammo.weights`: import and export of official files, and one sentence for each error."""

from pathlib import Path

import pytest
import torch

from mammo.models.context_network import ContextNetwork
from mammo.models.gmic import Gmic, GmicSizes
from mammo.models.official_gmic import FULL_FRAME, official_state_dict
from mammo.training.trained_networks import load_context_network
from mammo.weights import load_gmic, main


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An official file as torch 1.1 wrote it, with random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("official") / "sample_model_1.p"
    torch.save(official_state_dict(Gmic(GmicSizes(), FULL_FRAME)), path, _use_new_zipfile_serialization=False)
    return path


def test_import_and_export_keep_every_bit(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import-gmic", str(source), str(tmp_path / "gmic.ckpt"), "--percent-t", "0.05"]) == 0
    assert main(["export-gmic", str(tmp_path / "gmic.ckpt"), str(tmp_path / "back.p")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "gmic.ckpt"), str(tmp_path / "back.p")]
    before = torch.load(source, weights_only=True)
    after = torch.load(tmp_path / "back.p", weights_only=True)
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) and before[name].dtype == after[name].dtype for name in before)
    assert (tmp_path / "back.p").read_bytes()[:2] != b"PK", "torch 1.1 reads the legacy format only"


def test_the_checkpoint_is_a_context_network(source: Path, tmp_path: Path) -> None:
    main(["import-gmic", str(source), str(tmp_path / "gmic.ckpt"), "--percent-t", "0.1"])
    network = load_context_network(tmp_path / "gmic.ckpt")
    assert network.network.sizes.top_share == 0.1
    assert network.network.frame == FULL_FRAME
    assert not network.training
    lightning = ContextNetwork.load_from_checkpoint(tmp_path / "gmic.ckpt", weights_only=True)
    official = load_gmic(torch.load(source, weights_only=True))
    for (name, ours), theirs in zip(lightning.network.named_parameters(), official.network.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda state: state.pop("mil_attn_U.weight"), "mil_attn_U.weight is missing"),
        (lambda state: state.update(extra=torch.zeros(1)), "extra is unknown"),
    ],
)
def test_an_invalid_file_is_rejected_and_nothing_is_written(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: object, message: str
) -> None:
    state = torch.load(source, weights_only=True)
    damage(state)  # type: ignore[operator]
    torch.save(state, tmp_path / "wrong.p")
    assert main(["import-gmic", str(tmp_path / "wrong.p"), str(tmp_path / "out.ckpt")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out.ckpt").exists()


def test_an_existing_file_is_not_overwritten(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gmic.ckpt").write_text("precious")
    assert main(["import-gmic", str(source), str(tmp_path / "gmic.ckpt")]) == 2
    assert "already exists" in capsys.readouterr().err
    assert (tmp_path / "gmic.ckpt").read_text() == "precious"


def test_a_checkpoint_of_another_network_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": {}, "hyper_parameters": {"lr": 1e-3}}, tmp_path / "floc.ckpt")
    assert main(["export-gmic", str(tmp_path / "floc.ckpt"), str(tmp_path / "out.p")]) == 2
    assert "does not fit ContextNetwork" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["import-gmic"], ["convert", "a", "b"], ["import-gmic", "a", "b", "--percent-t", "2"]]
)
def test_wrong_arguments_have_exit_status_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
