"""What a network's class declares, and what its constructor receives of the configuration."""

from functools import partial

import pytest
import torch
from omegaconf import DictConfig

from mammo.cli import hydra_app
from mammo.geometry import Frame
from mammo.models.context_network import ContextNetwork
from mammo.models.fagg import FAgg
from mammo.models.floc import FLoc
from mammo.models.losses import WeightedCrossEntropy
from mammo.records import MammoError
from mammo.store.store_header import DataSet, StoreHeader
from mammo.training.build import Traits, datamodule_of, network_class, network_of, run_name, traits_of
from mammo.training.train_config import header_defaults

HEADER = StoreHeader(Frame(368, 240, 8), (DataSet("phantom", "table", "eighth"),))
OWN = "tests.training.own_package"


def composed(*words: str) -> DictConfig:
    return hydra_app.composed("train", words, partial(header_defaults, header=HEADER))


@pytest.mark.parametrize(
    ("words", "cls", "traits"),
    [
        (["model=floc"], FLoc, Traits("patches", ("patch",), saves_embeddings=True)),
        (["model=context"], ContextNetwork, Traits("images", ("image",))),
        (["maps=[loc]"], FAgg, Traits("patches", ("window",), 0, scores_validation=True)),
        (["maps=[sal]"], FAgg, Traits("patches", ("saliency",), 0, scores_validation=True)),
        (["maps=[emb,sal]"], FAgg, Traits("patches", ("saliency", "window", "embedding"), 0, scores_validation=True)),
        (
            ["model=floc", f"model._target_={OWN}.OwnNet", "allow_targets=[tests]"],
            None,
            Traits("patches", ("patch",)),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_class_declares_what_the_data_must_hold(words: list[str], cls: type | None, traits: Traits) -> None:
    cfg = composed(*words)
    assert traits_of(cfg) == traits
    assert cls is None or network_class(cfg) is cls
    data = datamodule_of(cfg)
    assert (data.plan, data.columns) == (traits.plan, traits.columns)


@pytest.mark.parametrize(("model", "seed"), [("floc", 7), ("context", 7), ("fagg", 0)])
def test_training_windows_follow_the_seed_unless_the_class_has_its_own(model: str, seed: int) -> None:
    assert datamodule_of(composed(f"model={model}", "seed=7")).seed == seed


def test_class_weights_are_the_inverse_of_the_shares_of_the_quota() -> None:
    quota = "quota={malignant: 10, benign: 20, outside: 50, negative: 20}"
    loss = network_of(composed("model=floc", "backbone=small", quota)).loss
    assert isinstance(loss, torch.nn.Module)
    assert loss.class_weights.tolist() == [10, 5, 2, 5]  # type: ignore[union-attr, operator]
    assert loss.mean_weight == pytest.approx(4)  # 1 from each class


def test_a_loss_may_be_any_module() -> None:
    network = network_of(composed("model=floc", "backbone=small", "model.loss._target_=torch.nn.CrossEntropyLoss"))
    assert isinstance(network.loss, torch.nn.CrossEntropyLoss)
    assert network_of(composed("model=floc", "backbone=small", "model.loss=null")).loss is not None


@pytest.mark.parametrize("model", ["floc", "fagg"])
def test_the_sum_of_weights_to_divide_by_can_be_chosen(model: str) -> None:
    words = (f"model={model}", *(["backbone=small"] if model == "floc" else []))
    for normalize in ("batch", "epoch"):
        loss = network_of(composed(*words, f"model.loss.normalize={normalize}")).loss
        assert isinstance(loss, WeightedCrossEntropy)
        assert loss.normalize == normalize


def test_another_loss_does_not_divide_by_an_epochs_weights() -> None:
    words = ("model=floc", "backbone=small", "model.loss._target_=torch.nn.CrossEntropyLoss")
    assert isinstance(network_of(composed(*words, "model.loss.normalize=batch")).loss, torch.nn.CrossEntropyLoss)
    with pytest.raises(MammoError, match=r"^model\.loss\.normalize: CrossEntropyLoss has no such argument; it has "):
        network_of(composed(*words, "model.loss.normalize=epoch"))


def test_no_map_is_an_error() -> None:
    with pytest.raises(MammoError, match=r"^maps=\[\]: choose at least one map"):
        traits_of(composed("maps=[]"))


def test_the_name_of_a_run_has_the_class_of_an_own_network() -> None:
    own = ("model=floc", "backbone=small", f"model._target_={OWN}.OwnNet")
    assert run_name(composed(*own)) == "floc-OwnNet-preact_resnet-s0"
    assert run_name(composed("maps=[sal]", "context=zeros", "seed=2", "trial=3")) == "fagg-sal-zeros-s2-t3"
    assert run_name(composed("model=context")) == "context-s0"
