"""The comparison of forward passes: rounding is as large as that of autocast, and no wrong output passes for equal."""

import math

import pytest
import torch

from mammo.benchmarks import forward_equality
from mammo.benchmarks.fagg_speed import example_batch, example_network
from mammo.benchmarks.forward_equality import compare_with_cpu, difference, rounded
from mammo.benchmarks.network_speed import adopt_running_statistics
from mammo.models.floc import FLoc


@pytest.fixture
def floc() -> FLoc:
    torch.manual_seed(0)
    sizes = {"stem": [3, 2], "stem_width": 16, "pool": False, "widths": [16, 32], "strides": [1, 2], "blocks": 1}
    network = FLoc({"name": "preact_resnet", "init": "he", "arguments": sizes}, 1e-3)
    adopt_running_statistics(network, patches())
    return network.eval()


def patches() -> torch.Tensor:
    return torch.randint(0, 4096, (6, 1, 32, 32), generator=torch.Generator().manual_seed(1)).float()


def probabilities(network: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return network(patches()).softmax(1)  # type: ignore[no-any-return]


def test_rounding_is_as_large_as_that_of_autocast(floc: FLoc) -> None:
    expected, ours = probabilities(floc), probabilities(rounded(floc, torch.bfloat16))
    with torch.autocast("cpu", torch.bfloat16):
        reference = probabilities(floc)
    ours_off, off = (float((each - expected).abs().max()) for each in (ours, reference))
    assert off / 3 <= ours_off <= 3 * off
    assert torch.equal(probabilities(floc), expected)  # of a copy


def test_the_same_device_is_equal(floc: FLoc) -> None:
    facts = compare_with_cpu(floc, patches())
    assert (facts["32-true"], facts["is_equal"]) == (0.0, True)
    assert compare_with_cpu(example_network(20), example_batch(20, 4))["rounding"] == 0.0


def test_a_wrong_output_is_not_equal(floc: FLoc, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = forward_equality._outputs
    calls = iter([0.0, 2e-4, 0.0])  # expected, as the device gives it, and rounded

    def shifted(*arguments: object) -> dict[str, torch.Tensor]:
        return {name: value + next(calls, 0.0) for name, value in outputs(*arguments).items()}  # type: ignore[arg-type]

    monkeypatch.setattr(forward_equality, "_outputs", shifted)
    assert not compare_with_cpu(floc, patches())["is_equal"]


def test_what_depends_on_regions_is_compared_where_they_are_the_same() -> None:
    expected = {
        "y_global": torch.tensor([0.1, 0.2]),
        "y_local": torch.tensor([0.3, 0.4]),
        "regions": torch.tensor([[[0, 0]], [[8, 8]]]),
    }
    found = {**expected, "y_local": torch.tensor([0.3, 0.9]), "regions": torch.tensor([[[0, 0]], [[16, 8]]])}
    assert difference(found, expected) == 0
    assert difference({**found, "y_global": torch.tensor([0.1, 0.5])}, expected) == pytest.approx(0.3)
    assert difference({**found, "regions": expected["regions"]}, expected) == pytest.approx(0.5)
    assert math.isnan(difference({**expected, "y_local": torch.tensor([0.3, math.nan])}, expected))
