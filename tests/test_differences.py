"""The demo table of the page on differences from the paper has the demo's values."""

from functools import partial
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from mammo.cli.hydra_app import composed
from mammo.geometry import Frame
from mammo.store.store_header import DataSet, StoreHeader
from mammo.training.train_config import header_defaults

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "explanation" / "differences.md").read_text(encoding="utf-8")
PHANTOMS = StoreHeader(Frame(368, 240, 8), (DataSet("phantom", "table", "eighth"),))


def demo(experiment: str) -> DictConfig:
    """The configuration of one of the demo's networks."""
    return composed("train", [f"experiment=demo/{experiment}"], partial(header_defaults, header=PHANTOMS))


def row(setting: str) -> tuple[str, str]:
    """The paper's and the demo's cell of a row of the demo table."""
    found = [line.split("|")[2:4] for line in PAGE.splitlines() if line.startswith(f"| {setting}")]
    assert len(found) == 1, setting
    return found[0][0].strip(), found[0][1].strip()


@pytest.mark.parametrize(("network", "experiment"), [("f_loc", "floc"), ("f_agg", "fagg")])
def test_the_demo_table_has_the_demos_quota_batches_rates_and_epochs(network: str, experiment: str) -> None:
    cfg = demo(experiment)
    counts = [f"{cfg.quota[name]:,}" for name in ("malignant", "benign", "outside", "negative")]
    assert row(f"{network}: patches per epoch") == ("20 / 35 / 5,000 / 4,945", " / ".join(counts))
    batch, rate = row(f"{network}: batch; learning rate")[1].split(", ")[0].split("; ")
    assert (int(batch), float(rate)) == (cfg.batch_size, cfg.model.lr)
    if network == "f_agg":
        assert row("f_agg: windows of a training row") == ("1", str(cfg.windows_per_lesion.train))
    assert int(row(f"{network}: epochs")[1].split(",")[0]) == cfg.trainer.max_epochs < 10


def test_the_demo_table_has_the_demos_sizes_and_averages() -> None:
    floc, context = demo("floc"), demo("context")
    assert row("network window")[1].startswith(f"{floc.frame.height} x {floc.frame.width} px")
    sides = [f"{side:g}" for side in floc.frame.crops.side_px]
    assert row("window side; patch side")[1].startswith(f"{' to '.join(sides)} px; {floc.frame.crops.patch_px} px")
    assert "16, 32 and 64 channels" in row("f_loc: backbone")[1]
    assert list(floc.backbone.arguments.widths) == [16, 32, 64]
    for cfg, name in ((floc, "f_loc: weights that are used"), (context, "context network: weights that are used")):
        assert row(name)[1].endswith(f"decay {cfg.callbacks.weight_averaging.decay:g}")


def test_the_demo_table_has_the_demos_context_network() -> None:
    cfg, stages = demo("context"), OmegaConf.load(ROOT / "conf" / "demo.yaml").stages
    assert list(cfg.gmic.widths) == [16, 32, 32]
    assert list(cfg.gmic.local_widths) == [16, 32]
    assert row("context network: share of cells")[1].startswith(f"{cfg.gmic.top_share:g} ")
    assert row("context network: maps in air")[1] == f"0 in cells of air; {cfg.gmic.base_logit:g}"
    assert row("context network: number added to the logit of every cell") == ("0", f"{cfg.gmic.map_logit:g}")
    rate, beta = map(float, row("context network: learning rate; beta")[1].split("; "))
    assert (rate, beta) == (cfg.model.lr, cfg.model.loss.beta)
    epochs, batch = map(int, row("context network: epochs; batch")[1].split("; "))
    assert (epochs, batch) == (cfg.trainer.max_epochs, cfg.batch_size)
    assert "fractions=[0.53,0.12,0.35]" in str(OmegaConf.to_container(stages))
    assert row("split")[1].startswith("53 / 12 / 35 %")
