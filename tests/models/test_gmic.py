"""The context network: published size, grid of both frames, pooling, regions, losses, standardization, checkpoints."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from omegaconf import OmegaConf

from mammo.geometry import Frame
from mammo.models.context_network import ContextNetwork, official_checkpoint, standardized
from mammo.models.gmic import Gmic, GmicSizes, greedy_regions, region_crops
from mammo.models.losses import GmicLoss
from mammo.records import MammoError

CONF = Path(__file__).parents[2] / "conf" / "gmic"
SMALL, FULL = Frame(368, 240, 8), Frame(2944, 1920, 64)
WINDOW = {"height": 368, "width": 240, "cell_px": 8}


def numbers(name: str) -> dict[str, object]:
    """The layer sizes of conf/gmic, without the initialization of the local trunk."""
    read = OmegaConf.load(CONF / f"{name}.yaml")
    return {key: OmegaConf.to_container(read)[key] for key in asdict(GmicSizes())}  # type: ignore[call-overload,index]


def sizes(name: str) -> GmicSizes:
    return GmicSizes(**numbers(name))  # type: ignore[arg-type]


def small_network(**changes: object) -> Gmic:
    torch.manual_seed(0)
    return Gmic(replace(sizes("eighth"), **changes), SMALL)  # type: ignore[arg-type]


def test_the_full_size_network_has_the_published_number_of_parameters() -> None:
    network = Gmic(sizes("full"), FULL)
    assert sum(weight.numel() for weight in network.parameters()) == 14_110_322
    assert len(network.state_dict()) == 258


def test_the_defaults_are_the_published_sizes() -> None:
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(GmicSizes()).items()}
    assert plain == numbers("full")


def test_the_small_frame_has_the_same_grid_and_regions_of_4_x_4_cells() -> None:
    output = small_network().eval()(torch.randn(2, 1, 368, 240))
    assert output.saliency.malignant.shape == output.saliency.benign.shape == (2, 46, 30)
    for prediction in (output.y_global, output.y_local, output.y_fusion):
        assert prediction.stacked().shape == (2, 2)
        assert ((prediction.stacked() > 0) & (prediction.stacked() < 1)).all()
    assert output.regions.shape == (2, 6, 2)
    assert (output.regions % 8 == 0).all()
    assert (output.regions <= torch.tensor([368 - 32, 240 - 32])).all()
    assert torch.allclose(output.attention.sum(dim=1), torch.ones(2))


@pytest.mark.parametrize("share", [0.02, 0.03, 0.05, 0.1])
def test_the_global_prediction_is_the_mean_of_the_top_cells(share: float) -> None:
    output = small_network(top_share=share, base_logit=0.0).eval()(torch.randn(1, 1, 368, 240))
    expected = {0.02: 28, 0.03: 41, 0.05: 69, 0.1: 138}[share]
    for saliency, prediction in zip(output.saliency, output.y_global, strict=True):
        cells = np.sort(saliency.detach().numpy().ravel())[-expected:]
        assert prediction.item() == pytest.approx(cells.mean(), rel=1e-5)


def test_base_logit_multiplies_the_global_odds_and_leaves_the_maps_unchanged() -> None:
    image = torch.randn(3, 1, 368, 240)
    apart, published = (small_network(base_logit=base).eval()(image) for base in (2.0, 0.0))
    assert torch.equal(apart.saliency.stacked(), published.saliency.stacked())
    odds = [(p / (1 - p)).detach() for p in (apart.y_global.stacked(), published.y_global.stacked())]
    assert torch.allclose(odds[0] / odds[1], torch.tensor(2.0).exp().expand(3, 2), rtol=1e-4)


@pytest.mark.parametrize("shift", [-3.0, 1.0])
def test_map_logit_multiplies_the_odds_of_every_cell(shift: float) -> None:
    image = torch.randn(2, 1, 368, 240)
    shifted, published = (
        small_network(map_logit=each, breast_only=False).eval()(image).saliency.stacked() for each in (shift, 0.0)
    )
    assert torch.allclose(torch.logit(shifted) - torch.logit(published), torch.tensor(shift), atol=1e-4)


def test_breast_only_maps_are_0_in_air_and_unchanged_in_the_breast() -> None:
    image = torch.full((2, 1, 368, 240), -1.0)
    image[0, :, 80:240, :100] = torch.randn(160, 100).abs()
    image[1, :, 100, 50] = 0.5  # one pixel is enough for its cell
    alone, published = (small_network(breast_only=on).eval()(image).saliency.stacked() for on in (True, False))
    breast = torch.zeros(2, 46, 30, dtype=torch.bool)
    breast[0, 10:30, :13], breast[1, 12, 6] = True, True  # column 12 is half covered
    breast = breast[:, None].expand(-1, 2, -1, -1)
    assert torch.equal(alone[breast], published[breast])
    assert (alone[~breast] == 0).all()
    assert (published[~breast] > 0).all()


def test_strides_that_do_not_give_the_grid_are_rejected() -> None:
    with pytest.raises(MammoError, match=r"gmic\.strides"):
        Gmic(sizes("full"), SMALL)


@pytest.mark.parametrize("shape", [(1, 1, 360, 240), (1, 3, 368, 240), (1, 1, 300, 200)])
def test_an_image_of_another_size_is_rejected(shape: tuple[int, ...]) -> None:
    with pytest.raises(MammoError, match="368, 240"):
        small_network()(torch.zeros(shape))


def test_an_image_without_breast_gives_finite_outputs() -> None:
    frame = {"height": 368, "width": 240, "cell_px": 8}
    network = ContextNetwork(numbers("eighth"), frame, 1e-3, GmicLoss(0.0)).eval()
    output = network(torch.zeros(1, 1, 368, 240, dtype=torch.uint16))
    for prediction in (output.y_global, output.y_local, output.y_fusion):
        assert prediction.stacked().isfinite().all()


def test_in_eval_mode_the_batch_does_not_matter() -> None:
    network = small_network()
    for _ in range(3):
        network(torch.randn(4, 1, 368, 240))
    network.eval()
    images = torch.randn(3, 1, 368, 240) * torch.tensor([0.1, 1.0, 5.0])[:, None, None, None]
    together = network(images)
    for number in range(3):
        alone = network(images[number : number + 1])
        assert torch.allclose(alone.y_fusion.malignant, together.y_fusion.malignant[number : number + 1], atol=1e-6)
        assert torch.equal(alone.regions[0], together.regions[number])


def test_recomputed_activations_change_neither_gradients_nor_statistics() -> None:
    image = torch.randn(2, 1, 368, 240)
    torch.manual_seed(0)
    plain = Gmic(sizes("eighth"), SMALL)
    torch.manual_seed(0)
    thrifty = Gmic(sizes("eighth"), SMALL, checkpoint_activations=True)
    for network in (plain, thrifty):
        output = network(image)
        (output.y_fusion.malignant + output.y_local.benign + output.y_global.malignant).sum().backward()
    for (name, weight), other in zip(plain.named_parameters(), thrifty.parameters(), strict=True):
        assert weight.grad is None or torch.equal(weight.grad, other.grad), name
    for name, value in plain.state_dict().items():
        assert torch.equal(value, thrifty.state_dict()[name]), name


def test_the_local_trunk_starts_from_resnet18_weights() -> None:
    network = Gmic(GmicSizes(), FULL)
    weights = timm.create_model("resnet18", num_classes=0).state_dict()
    network.load_local_trunk(weights)
    for name, value in network.local.state_dict().items():
        assert torch.equal(value, weights[name])
    with pytest.raises(MammoError, match=r"gmic\.local_init=he"):
        small_network().load_local_trunk(weights)


def trained_elsewhere(path: Path, **changes: object) -> Gmic:
    """A context network of other random weights, saved as a checkpoint."""
    torch.manual_seed(9)
    network = ContextNetwork(numbers("eighth") | changes, WINDOW, 1e-3)
    torch.save({"state_dict": network.state_dict()}, path)
    return network.network


def test_the_global_trunk_and_nothing_else_starts_from_a_checkpoint(tmp_path: Path) -> None:
    other = trained_elsewhere(tmp_path / "a.ckpt")
    torch.manual_seed(0)
    random = ContextNetwork(numbers("eighth"), WINDOW, 1e-3).network.state_dict()
    torch.manual_seed(0)
    network = ContextNetwork(numbers("eighth"), WINDOW, 1e-3, global_trunk=str(tmp_path / "a.ckpt"))
    assert "global_trunk" not in network.hparams, "a checkpoint of this network holds the weights"
    loaded = network.network.state_dict()
    trunk = {name for name in loaded if name.startswith("trunk.")}
    assert len(trunk) > 20
    for name, weight in loaded.items():
        source = other.state_dict() if name in trunk else random
        assert torch.equal(weight, source[name]), name


def test_a_released_checkpoint_is_a_start_for_the_global_trunk(tmp_path: Path) -> None:
    other = small_network()
    torch.save(official_checkpoint(other), tmp_path / "gmic1.ckpt")
    torch.manual_seed(5)
    network = ContextNetwork(numbers("eighth"), WINDOW, 1e-3, global_trunk=str(tmp_path / "gmic1.ckpt")).network
    assert torch.equal(network.trunk.first_conv.weight, other.trunk.first_conv.weight)
    assert not torch.equal(network.head.weight, other.head.weight)


def test_a_global_trunk_of_another_size_is_rejected_by_key_and_weight(tmp_path: Path) -> None:
    trained_elsewhere(tmp_path / "wide.ckpt", widths=[16, 64, 32])
    trained_elsewhere(tmp_path / "short.ckpt", widths=[16, 32], strides=[2, 1])
    for name, fault in (
        ("wide", r"trunk\.layer_list\.1\.0\.conv1\.weight has the shape \[64, 16, 3, 3\], and needs \[32, 16, 3, 3\]"),
        ("short", r"trunk\.layer_list\.2\.0\.bn1\.weight is missing, and needs \[32\]"),
    ):
        message = rf"^model\.global_trunk=.*{name}\.ckpt: {fault}; give a checkpoint of a context network with the same"
        with pytest.raises(MammoError, match=message):
            ContextNetwork(numbers("eighth"), WINDOW, 1e-3, global_trunk=str(tmp_path / f"{name}.ckpt"))


def test_images_are_standardized_one_by_one_and_constant_ones_become_0() -> None:
    image = torch.randint(0, 4096, (2, 1, 20, 30)).to(torch.uint16)
    image[1] = 7
    x = standardized(image)
    assert float(x[0].mean()) == pytest.approx(0, abs=1e-5)
    assert float(x[0].std(correction=0)) == pytest.approx(1, rel=1e-4)
    assert not x[1].any()


def test_the_sum_norm_is_the_mean_norm_times_the_number_of_cells() -> None:
    torch.manual_seed(0)
    small = numbers("eighth")
    frame = {"height": 368, "width": 240, "cell_px": 8}
    batch = {"image": torch.randint(0, 4096, (2, 1, 368, 240)).to(torch.uint16), "target": torch.ones(2, 2)}
    losses = {}
    for norm, beta in (("mean", 0.0), ("mean", 1.0), ("sum", 1.0)):
        torch.manual_seed(0)
        network = ContextNetwork(small, frame, 1e-3, GmicLoss(beta, norm)).eval()
        network.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
        losses[norm, beta] = float(network.training_step(batch, 0))
    mean, total = (losses[norm, 1.0] - losses["mean", 0.0] for norm in ("mean", "sum"))
    assert total / mean == pytest.approx(46 * 30, rel=1e-3)


def test_the_loss_of_each_class_is_the_loss_of_training_on_it_alone() -> None:
    frame = {"height": 368, "width": 240, "cell_px": 8}
    torch.manual_seed(0)
    network = ContextNetwork(numbers("eighth"), frame, 1e-3, GmicLoss(0.0)).eval()
    logged: dict[str, torch.Tensor] = {}
    network.log_dict = lambda losses, **_: logged.update(losses)  # type: ignore[method-assign]
    image = torch.randint(0, 4096, (3, 1, 368, 240)).to(torch.uint16)
    target = torch.tensor([[1, 0], [0, 0], [1, 1]])
    loss = network.training_step({"image": image, "target": target}, 0)
    with torch.no_grad():
        output = network(image)
    for column, name in enumerate(("malignant", "benign")):
        chances = [getattr(each, name) for each in (output.y_global, output.y_local, output.y_fusion)]
        expected = sum(-torch.where(target[:, column] == 1, chance, 1 - chance).log().mean() for chance in chances)
        torch.testing.assert_close(logged[f"train_loss_{name}"], expected)
    torch.testing.assert_close((logged["train_loss_malignant"] + logged["train_loss_benign"]) / 2, loss.detach())
    assert logged["train_loss"] is loss


def test_the_saved_hyperparameters_build_the_same_context_network() -> None:
    frame = {"height": 368, "width": 240, "cell_px": 8}
    network = ContextNetwork(numbers("eighth"), frame, 1e-3, checkpoint_activations=True)
    again = ContextNetwork(**network.hparams)
    assert (again.lr, again.network.frame) == (1e-3, SMALL)
    assert again.hparams == network.hparams
    assert again.hparams["checkpoint_activations"] is True


def test_predictions_are_scores_and_saliency_maps_of_uint16_or_float_images() -> None:
    frame = {"height": 368, "width": 240, "cell_px": 8}
    torch.manual_seed(0)
    network = ContextNetwork(numbers("eighth"), frame, lr=1e-3).eval()
    image = torch.randint(0, 4096, (2, 1, 368, 240)).to(torch.uint16)
    rows = torch.tensor([5, 3])
    image_row, score, saliency = network.predict_step({"image": image, "image_row": rows}, 0)
    assert torch.equal(image_row, rows)
    assert (score.shape, saliency.shape) == ((2, 2), (2, 2, 46, 30))
    assert torch.equal(network(image.float()).y_fusion.stacked(), score)
    assert torch.equal(network(image).saliency.stacked(), saliency)


def brute_force(maps: np.ndarray, side: int, n_regions: int) -> list[tuple[int, int]]:
    stretched = [(m - m.min()) / (m.max() - m.min()) for m in maps]
    left = np.sum(stretched, axis=0)
    found = []
    for _ in range(n_regions):
        best = (-1.0, 0, 0)
        for row in range(left.shape[0] - side + 1):
            for col in range(left.shape[1] - side + 1):
                total = left[row : row + side, col : col + side].sum()
                if total > best[0] + 1e-9:
                    best = (total, row, col)
        found.append(best[1:])
        left[best[1] : best[1] + side, best[2] : best[2] + side] = 0
    return found


def test_regions_equal_a_brute_force_search() -> None:
    maps = torch.rand(3, 2, 12, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    regions = greedy_regions(maps, side=4, n_regions=5)
    for image in range(3):
        assert [tuple(cell) for cell in regions[image].tolist()] == brute_force(maps[image].numpy(), 4, 5)


def test_a_constant_map_gives_the_first_cell() -> None:
    assert greedy_regions(torch.full((1, 2, 6, 5), 0.3), side=2, n_regions=1).tolist() == [[[0, 0]]]


def test_of_equal_squares_the_first_is_selected_first() -> None:
    maps = torch.zeros(1, 2, 9, 8)
    for row, col in ((5, 4), (1, 5), (1, 1)):
        maps[0, :, row : row + 2, col : col + 2] = 1
    assert greedy_regions(maps, side=2, n_regions=3).tolist() == [[[1, 1], [1, 5], [5, 4]]]


def test_a_peak_at_the_right_border_is_found() -> None:
    maps = torch.zeros(1, 2, 46, 30)
    maps[0, 0, 20:24, 26:30] = 0.7
    assert greedy_regions(maps, side=4, n_regions=1).tolist() == [[[20, 26]]]


def test_crops_are_slices_of_the_image() -> None:
    image = torch.arange(2 * 48 * 40, dtype=torch.float32).reshape(2, 1, 48, 40)
    regions = torch.tensor([[[0, 0], [2, 3]], [[4, 1], [1, 1]]])
    crops = region_crops(image, regions, side=2, cell_px=8)
    for i, (row, col) in ((0, (0, 0)), (1, (2, 3))):
        assert torch.equal(crops[0, i], image[0, 0, row * 8 : row * 8 + 16, col * 8 : col * 8 + 16])
    assert torch.equal(crops[1, 0], image[1, 0, 32:48, 8:24])
