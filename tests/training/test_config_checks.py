"""Values of the wrong type or out of range are rejected, with their key, before anything is read."""

import pytest

from mammo.cli.hydra_app import composed
from mammo.records import MammoError
from mammo.training.config_checks import check_values

AVERAGED = "callbacks=[early_stopping,weight_averaging]"


def checked(*words: str) -> None:
    check_values(composed("train", words))


@pytest.mark.parametrize(
    "word",
    [
        *("seed=abc", "seed=-1", "seed=1.5", "seed=null", "seed=4294967296", "seed=true"),
        *("model.lr=abc", "model.lr=-1", "model.lr=0", "model.lr=.nan", "model.lr=inf", "batch_size=0", "workers=-1"),
        *("trainer.max_epochs=abc", "trainer.max_epochs=-1", "windows_per_lesion.test=0"),
        *("memory_gb=-1", "memory_gb=null"),
        *("trainer.gradient_clip_val=abc", "trainer.gradient_clip_val=0", "torch.threads=abc", "torch.threads=-1"),
        *("trial=abc", "trial=-1", "trial=1.5", "model.floc=7"),
        *("group=null", "group=7", "group=", "store=null", "model.floc=null", "context.run=null"),
    ],
)
def test_a_wrong_number_or_word_is_named(word: str) -> None:
    with pytest.raises(MammoError, match=f"^{word.split('=')[0]}=.*: give "):
        checked(word)


@pytest.mark.parametrize("value", ["2", "1", "-0.1", "a", "null"])
def test_a_wrong_decay_of_averaged_weights_is_named(value: str) -> None:
    key = "callbacks.weight_averaging.decay"
    with pytest.raises(MammoError, match=f"^{key}=.*: give a number from 0 to less than 1"):
        checked(AVERAGED, f"{key}={value}")


@pytest.mark.parametrize("word", ["test=maybe", "test=1", "test=null", "torch.compile=maybe"])
def test_a_switch_that_is_neither_true_nor_false_is_named(word: str) -> None:
    with pytest.raises(MammoError, match=f"^{word.split('=')[0]}=.*: give true or false"):
        checked(word)


@pytest.mark.parametrize("value", ["false", "null", "0", "maybe"])
def test_a_map_that_is_chosen_and_switched_off_is_rejected(value: str) -> None:
    with pytest.raises(MammoError, match=r"^maps\.loc=.*: name the maps that are wanted"):
        checked("maps=[loc,emb]", f"maps.loc={value}")


def test_defaults_and_limits_of_ranges_are_accepted() -> None:
    for words in (
        (),
        ("model=floc",),
        ("model=context",),
        ("maps=[]",),  # rejected by maps.stack.canonical_order
        ("trial=0", "torch.threads=1", "test=false", "torch.compile=true", "maps=[loc]"),
        ("memory_gb=0", AVERAGED, "callbacks.weight_averaging.decay=0.99"),
        ("callbacks=[]",),
        ("seed=0", "workers=0", "batch_size=1", "model.lr=1"),
    ):
        checked(*words)
