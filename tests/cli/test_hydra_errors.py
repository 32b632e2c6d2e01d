"""Misspelled words of mammo's own configuration get the nearest known word, and misplaced ones their place."""

import pytest

from mammo.cli.hydra_app import CONF, composed
from mammo.cli.hydra_errors import WRONG, sentence
from mammo.records import MammoError


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("modle=floc", "modle is not a key of this command's configuration (did you mean model?)"),
        ("model=flok", "model/flok does not exist (did you mean floc?): choose from context, fagg, floc"),
        ("trainer=CPU", "trainer/CPU does not exist (did you mean cpu?)"),
        ("trainer.max_epoch=3", "(did you mean trainer.max_epochs?)"),
        ("trainer.max_epoch=3", r"trainer has max_epochs, "),
        (
            "experiment=nothing",
            "choose from demo/context, demo/fagg, demo/floc, demo/shuffled, demo/table3, demo/views, figure6, ",
        ),
        ("max_epochs=3", "(did you mean trainer.max_epochs?)"),
        ("lr=3", "(did you mean model.lr?)"),
        (
            "quota={malignnt: 3}",
            "quota.malignnt is not a key of this command's configuration (did you mean quota.malig",
        ),
        ("experimnet=table3", "(did you mean experiment?)"),
        ("experiment=tabel3", "experiment/tabel3 does not exist (did you mean table3?)"),
        ("maps=[emb,sall]", "maps/sall does not exist (did you mean sal?): choose from contra, emb, ipsi, loc, sal"),
        ("hydra.launcher.partition=gpu", "partition is not a setting of the launcher that is chosen: choose another"),
        ("hydra/launcher=v100 hydra.launcher.partitio=gpu", "(did you mean hydra.launcher.partition?)"),
        ("hydra/launchr=joblib", "(did you mean hydra/launcher?)"),
        ("hydra/launcher=jobib", "(did you mean joblib?)"),
        ("hydra.sweep.dri=x", "(did you mean hydra.sweep.dir?)"),
        ("model=floc backbone=densnet161", "backbone/densnet161 does not exist (did you mean densenet161?)"),
        ("model=floc backbone=vit_tiny_patch16_224", "backbone=timm backbone.name=vit_tiny_patch16_224"),
        ("backbone=densenet161", "backbone cannot be chosen here: it belongs to model=floc; --help shows what"),
        (
            "model=floc maps=emb",
            "maps cannot be chosen here: it belongs to model=fagg; --help shows what can be chosen",
        ),
        ("backbone.init=he", "backbone cannot be chosen here: it belongs to model=floc; --help shows what"),
        ("data=table", "data cannot be chosen here: it belongs to python -m mammo.ingest; --help shows what"),
        ("xyzzy=1", "xyzzy is not a key of this command's configuration: --help shows them all"),
    ],
)
def test_the_nearest_known_word_is_suggested(overrides: str, expected: str) -> None:
    with pytest.raises(WRONG) as error:
        composed("train", [overrides] if "{" in overrides else overrides.split())
    assert expected in sentence(error.value, CONF)


def test_without_a_configuration_tree_the_error_itself_suggests() -> None:
    with pytest.raises(WRONG) as error:
        composed("train", ["modle=floc"])
    assert "(did you mean model?)" in sentence(error.value)


def test_a_list_of_errors_keeps_its_lines() -> None:
    assert sentence(MammoError("2 rows are wrong:\n  row 1\n  row 2")).splitlines() == [
        "2 rows are wrong:",
        "  row 1",
        "  row 2",
    ]
