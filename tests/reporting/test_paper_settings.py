"""The settings beside the paper's: the defaults agree, and every change of a compared key is shown."""

import json
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from mammo.cli.hydra_app import composed
from mammo.geometry import Frame
from mammo.paper import GMIC_SETTINGS, SETTINGS, Range, Setting
from mammo.reporting.paper_settings import seeds_of, settings_table
from mammo.store.store_header import DataSet, StoreHeader
from mammo.training.results import Run, read_run
from mammo.training.train_config import header_defaults

STORES = {
    "nyu": StoreHeader(Frame(2944, 1920, 64), (DataSet("nyu", "nyu", "full"),)),
    "phantom": StoreHeader(Frame(368, 240, 8), (DataSet("phantom", "table", "eighth"),)),
}
SEARCHED = ["experiment=lr_search", "trial=3"]


@lru_cache
def configuration(*words: str, data: str = "nyu") -> dict[str, object]:
    """The resolved configuration of mammo.train with a store of this data set."""
    cfg = composed("train", words, partial(header_defaults, header=STORES[data]))
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def run_of(
    folder: Path,
    network: str,
    config: Mapping[str, object],
    source: str = "",
    seed: int = 0,
    fold: int | None = None,
    **reads: str,
) -> Run:
    """A finished run with this configuration."""
    folder.mkdir(parents=True)
    result = {"name": folder.name, "model": network, "maps": "emb" if network == "fagg" else "", "context": source}
    result |= {
        "seed": seed,
        "fold": fold,
        "val_auc": 0.6,
        "test_auc": 0.5,
        "command": "c",
        "commit": "abc",
        "versions": {},
    }
    (folder / "result.json").write_text(json.dumps({**result, "seconds": 1.0, "digest": "d", "reads": reads}))
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(config)))
    return read_run(folder)


def deviations(run: Run) -> dict[str, tuple[str, str]]:
    """Of every setting that differs: the paper's value and the run's."""
    table = settings_table([run])
    return {row.setting: (row.paper, row.runs) for row in table[table["differs"]].itertuples()}


@pytest.mark.parametrize("network", ["floc", "fagg", "context"])
def test_the_defaults_at_full_size_are_the_papers_but_for_the_search(network: str, tmp_path: Path) -> None:
    expected = {} if network == "context" else {"trial of the search": ("the best of a random search", "none")}
    assert deviations(run_of(tmp_path / "a", network, configuration(f"model={network}"))) == expected
    searched = run_of(tmp_path / "b", network, configuration(f"model={network}", *SEARCHED))
    assert set(deviations(searched)) <= {"learning rate"} if network == "context" else deviations(searched) == {}


def changed(value: object) -> object:
    """A value that is not the paper's."""
    match value:
        case Range():
            return value.low / 2 - 1
        case bool():
            return not value
        case int() | float():
            return value + 1
        case list():
            return [*value[:-1], 7]
        case _:
            return f"mylab.{value}"


@pytest.mark.parametrize(
    "setting", [*SETTINGS, *GMIC_SETTINGS], ids=lambda setting: f"{setting.network} {setting.name}"
)
def test_a_change_of_any_key_of_a_setting_is_shown(setting: Setting, tmp_path: Path) -> None:
    config = configuration(f"model={setting.network}", *SEARCHED, "model.lr=1e-5")
    for number, (key, value) in enumerate(setting.values.items()):
        changed_config = OmegaConf.create(config)
        OmegaConf.update(changed_config, key, changed(value), force_add=True)
        plain = OmegaConf.to_container(changed_config)
        assert isinstance(plain, dict)
        run = run_of(tmp_path / str(number), setting.network, {str(name): each for name, each in plain.items()})
        assert set(deviations(run)) == {setting.name}, key


def test_the_demo_is_shown_beside_the_paper(tmp_path: Path) -> None:
    words = {"floc": "demo/floc", "fagg": "demo/fagg", "context": "demo/context"}
    found = {
        network: deviations(run_of(tmp_path / network, network, configuration(f"experiment={name}", data="phantom")))
        for network, name in words.items()
    }
    quota = "patches per epoch: malignant, benign, outside, negative"
    assert found["floc"][quota] == ("20, 35, 5000, 4945", "6200, 6200, 1700, 1700")
    assert found["fagg"][quota] == ("20, 35, 5000, 4945", "1360, 1360, 340, 340")
    assert found["floc"]["batch size"] == ("25", "50")
    assert found["floc"]["backbone"] == ("densenet161", "preact_resnet")
    assert found["floc"]["average of weights"] == ("none", "0.98")
    assert {name: each["epochs at most"][1] for name, each in found.items() if name != "context"} == {
        "floc": "4",
        "fagg": "2",
    }
    assert found["context"]["global trunk: channels of its stages"] == ("16 32 64 128 256", "16 32 32")


def test_the_runs_that_a_run_reads_are_compared_and_controls_are_not(tmp_path: Path) -> None:
    floc = configuration("model=floc", *SEARCHED)
    run_of(tmp_path / "floc-1", "floc", {**floc, "batch_size": 10})
    run_of(tmp_path / "floc-2", "floc", {**floc, "batch_size": 12})
    fagg = configuration("model=fagg", *SEARCHED)
    runs = [
        run_of(tmp_path / "fagg-1", "fagg", fagg, floc="../floc-1"),
        run_of(tmp_path / "fagg-2", "fagg", fagg, floc="../floc-2"),
        run_of(tmp_path / "control", "fagg", {**fagg, "batch_size": 7}, source="shuffled"),
    ]
    table = settings_table(runs)
    assert table[table["differs"]][["network", "keys", "paper", "runs"]].to_numpy().tolist() == [
        ["f_loc", "batch_size", "25", "10 or 12"]
    ]


def test_a_run_without_a_configuration_is_left_out(tmp_path: Path) -> None:
    assert settings_table([run_of(tmp_path / "a", "floc", {"seed": 0})]).empty


def seeds(folder: Path, *reads: dict[str, str], model: str = "fagg") -> list[Run]:
    """A run of each seed, of a model that reads these runs."""
    return [run_of(folder / f"{model}-{seed}", model, {}, seed=seed, **read) for seed, read in enumerate(reads)]


def test_the_networks_that_seeds_vary_are_named(tmp_path: Path) -> None:
    best = {"floc": "../floc-a", "context": "../context-a/best.ckpt"}
    paired = [{"floc": f"../floc-{seed}", "context": f"../context-{seed}/best.ckpt"} for seed in range(3)]
    found = {
        "best": seeds(tmp_path / "a", best, best),
        "same folder, written otherwise": seeds(tmp_path / "b", best, {**best, "floc": "../b/../floc-a"}),
        "paired": seeds(tmp_path / "c", *paired),
        "f_loc paired": seeds(tmp_path / "d", *({**each, "context": best["context"]} for each in paired)),
        "two f_loc": seeds(tmp_path / "e", paired[0], paired[1], {**paired[2], "floc": "../floc-1"}),
        "reads nothing": seeds(tmp_path / "f", {}, {}),
        "one seed": seeds(tmp_path / "g", best),
        "f_loc": seeds(tmp_path / "h", {}, {}, model="floc"),
    }
    assert {name: seeds_of(runs) for name, runs in found.items()} == {
        "best": "f_agg",
        "same folder, written otherwise": "f_agg",
        "paired": "f_loc, context network and f_agg",
        "f_loc paired": "f_loc and f_agg",
        "two f_loc": "f_loc (2 for 3 seeds), context network and f_agg",
        "reads nothing": "f_agg",
        "one seed": "",
        "f_loc": "f_loc",
    }


def test_the_networks_of_different_folds_are_not_a_difference_of_seeds(tmp_path: Path) -> None:
    runs = [
        run_of(tmp_path / f"fagg-{seed}-{fold}", "fagg", {}, seed=seed, fold=fold, floc=f"../floc-f{fold}")
        for seed in (0, 1)
        for fold in (0, 1)
    ]
    assert seeds_of(runs) == "f_agg"
    again = run_of(tmp_path / "again", "fagg", {}, seed=1, fold=1, floc="../floc-other")
    assert seeds_of([*runs[:3], again]) == "f_loc and f_agg"
