"""The context network: the published size, the grid in both frames, pooling and predictions in range."""

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from mammo.geometry import Frame
from mammo.models.context import ContextNetwork, standardised
from mammo.models.gmic import Gmic, GmicSizes
from mammo.records import MammoError

CONF = Path(__file__).parents[2] / "conf" / "context"
SMALL, FULL = Frame(368, 240, 8), Frame(2944, 1920, 64)


def sizes(name: str) -> GmicSizes:
    return GmicSizes(**OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml")))


def test_full_size_has_the_published_number_of_weights() -> None:
    network = Gmic(sizes("gmic"), FULL)
    assert sum(weight.numel() for weight in network.parameters()) == 14_110_322
    assert len(network.state_dict()) == 258


def test_small_frame_keeps_the_grid() -> None:
    output = Gmic(sizes("gmic_small"), SMALL).eval()(torch.randn(2, 1, 368, 240))
    assert output.saliency.shape == (2, 2, 46, 30)
    for prediction in output[1:]:
        assert prediction.shape == (2, 2)
        assert ((prediction > 0) & (prediction < 1)).all()


def test_global_prediction_is_the_mean_of_the_top_cells() -> None:
    network = Gmic(sizes("gmic_small"), SMALL).eval()
    output = network(torch.randn(1, 1, 368, 240))
    cells = output.saliency[0].flatten(1).detach().numpy()
    top = np.sort(cells, axis=1)[:, -round(network.sizes.top_share * 46 * 30) :].mean(axis=1)
    assert output.by_global[0].detach().numpy() == pytest.approx(top, rel=1e-5)


def test_strides_that_do_not_give_the_grid_are_refused() -> None:
    with pytest.raises(MammoError, match="strides"):
        Gmic(sizes("gmic"), SMALL)(torch.randn(1, 1, 368, 240))


def test_images_are_standardised_one_by_one_and_flat_ones_stay_finite() -> None:
    image = torch.randint(0, 4096, (2, 1, 20, 30)).to(torch.uint16)
    image[1] = 7
    x = standardised(image)
    assert float(x[0].mean()) == pytest.approx(0, abs=1e-5)
    assert float(x[0].std(correction=0)) == pytest.approx(1, rel=1e-4)
    assert not x[1].any()


def test_sum_norm_is_as_many_times_the_mean_norm_as_there_are_cells() -> None:
    torch.manual_seed(0)
    small = OmegaConf.to_container(OmegaConf.load(CONF / "gmic_small.yaml"))
    frame = {"height": 368, "width": 240, "cell_px": 8}
    batch = {"image": torch.randint(0, 4096, (2, 1, 368, 240)).to(torch.uint16), "target": torch.ones(2, 2)}
    losses = {}
    for norm, beta in (("mean", 0.0), ("mean", 1.0), ("sum", 1.0)):
        torch.manual_seed(0)
        network = ContextNetwork(small, frame, lr=1e-3, beta=beta, saliency_norm=norm).eval()
        network.log = lambda *_, **__: None  # type: ignore[method-assign]
        losses[norm, beta] = float(network.training_step(batch, 0))
    mean, total = (losses[norm, 1.0] - losses["mean", 0.0] for norm in ("mean", "sum"))
    assert total / mean == pytest.approx(46 * 30, rel=1e-3)
