"""The help page of a command with Hydra shows what it does, examples, its groups, and every key with its meaning."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from mammo.cli.arguments import WIDTH
from mammo.cli.config_check import as_typed, check_config, check_swept, forced
from mammo.cli.help_page import help_page
from mammo.cli.hydra_app import CONF, _asked, _fixed, _unswept, composed
from mammo.cli.keys import KEYS
from mammo.phantoms.spec import Dials

CHOICES = (
    ("phantom", ""),
    ("ingest", ""),
    ("ingest", "data=table"),
    ("ingest", "data=cbis_ddsm frame=half"),
    ("split", ""),
    ("train", ""),
    ("train", "model=floc backbone=timm"),
    ("train", "model=context frame=eighth logger=wandb callbacks=[early_stopping,weight_averaging]"),
    ("train", "experiment=transfer"),
    ("train", "hydra/launcher=v100"),
    ("precompute", ""),
    ("score", ""),
    ("demo", ""),
)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@cache
def page_of(name: str, words: str = "") -> str:
    return help_page(name, CONF, words.split(), reads_store=name in ("train", "precompute"))


def leaves(node: DictConfig, place: str = "") -> Iterator[str]:
    """Every key of a configuration that holds no further ones."""
    for name, value in OmegaConf.to_container(node).items():  # type: ignore[union-attr]
        key = f"{place}.{name}".lstrip(".")
        if isinstance(value, dict) and value:
            yield from leaves(OmegaConf.create(value), key)
        else:
            yield key


def meanings(page: str) -> dict[str, str]:
    """What the page says about each key; keys in one row have the same."""
    found: dict[str, str] = {}
    key, columns = "", 0
    for line in page.partition("\nKeys, as")[2].splitlines():
        if row := re.match(r"  ([\w.]+)=", line):
            key, columns = row[1], 4
            found[key] = re.sub(r"^  [\w.]+=(\[.*?\]|\{.*?\}|\S*)( \.\.\.)?", "", line).strip()
        elif key and line.startswith(" " * columns):
            found[key] += f" {line.strip()}"
        else:
            key = ""
    return found


@pytest.mark.parametrize(("name", "words"), CHOICES)
def test_every_key_is_shown_with_its_meaning(name: str, words: str) -> None:
    said = meanings(page_of(name, words))
    keys = list(leaves(composed(name, words.split())))
    missing = [key for key in keys if key not in said and key.rpartition(".")[0] not in said]
    assert not missing
    said = {key: meaning for key, meaning in said.items() if not key.startswith("hydra.launcher")}  # not conf/'s keys
    assert not [key for key in said if not said[key]]
    assert not [key for key in said if key not in keys and not any(each.startswith(f"{key}.") for each in keys)]


@pytest.mark.parametrize(
    ("name", "words", "row"),
    [
        ("phantom", "", f"dials.local={Dials().local:g} in a lesion's own appearance: v = sigmoid(1.7 m), m = local *"),
        ("phantom", "", "dials: Strengths of the signals of malignancy; 0 is no signal, larger is easier."),
        (
            "train",
            "",
            "quota={malignant: 20, benign: 35, outside: 5000, negative: 4945} patches per epoch (paper,",
        ),
        ("train", "batch_size=7", "batch_size=7 patches of a training batch, in all processes together"),
        ("train", "", "store=runs/demo/store the image store"),
        ("train", "", "frame.cell_px=??? side of a grid cell in pixels"),
        ("train", "frame=eighth", "frame.crops.patch_px=32 side of a patch"),
        ("train", "model=floc", "backbone.name=densenet161.tv_in1k timm's name, with the tag of its weights"),
        (
            "train",
            "callbacks=[early_stopping,weight_averaging]",
            "callbacks: Stops training when the validation AUC no longer improves (paper, Model training); Validates,",
        ),
        ("train", "", "data: what the store holds data.name=???"),
        ("ingest", "data=cbis_ddsm", "data: CBIS-DDSM (TCIA): scanned film with one mask per lesion"),
        ("train", "", "trainer: Every option of Lightning's Trainer except callbacks and loggers"),
        ("precompute", "", "what=??? embeddings (h of every window, by f_loc) or saliency"),
    ],
)
def test_a_row_has_key_value_and_meaning(name: str, words: str, row: str) -> None:
    assert row in " ".join(page_of(name, words).split())


@pytest.mark.parametrize(("name", "words"), CHOICES)
def test_a_page_is_aligned_and_at_most_100_columns_wide(name: str, words: str) -> None:
    page = page_of(name, words)
    assert max(map(len, page.splitlines())) <= WIDTH
    assert not [line for line in page.splitlines() if line != line.rstrip()]
    for section in page.split("\n\n"):
        starts = {len(line) - len(line.lstrip()) for line in section.splitlines() if line.startswith("   ")}
        assert len(starts) <= 1, section


def groups_of(page: str) -> set[str]:
    section = page.partition("\nGroups of keys")[2].partition("\n\n")[0]
    return set(re.findall(r"^  (\w+)=", section, re.MULTILINE))


@pytest.mark.parametrize(
    ("name", "words", "groups"),
    [
        ("phantom", "", ""),
        ("split", "", ""),
        ("score", "", ""),
        ("demo", "", ""),
        ("ingest", "", "data frame"),
        ("train", "model=context", "model frame gmic trainer callbacks logger intensity experiment debug"),
        ("train", "model=floc", "model backbone frame gmic trainer callbacks logger intensity experiment debug"),
        ("train", "", "model maps context frame gmic trainer callbacks logger intensity experiment debug"),
        ("precompute", "", "model maps context frame gmic trainer"),
    ],
)
def test_only_groups_of_the_command_are_listed(name: str, words: str, groups: str) -> None:
    assert groups_of(page_of(name, words)) == set(groups.split())


def test_groups_that_another_choice_brings_and_launchers_are_listed() -> None:
    floc, fagg = (" ".join(page_of("train", words).split()) for words in ("model=floc", ""))
    assert "maps (only with model=fagg) contra, emb, ipsi, loc, sal" in floc
    assert "backbone (only with model=floc) densenet121, densenet161" in fagg
    assert (
        "hydra/launcher=basic basic, joblib, slurm, slurm_cpu, slurm_ddp, submitit_local, submitit_slurm, v100" in fagg
    )
    assert "only with" not in page_of("ingest")


def test_the_settings_of_a_launcher_are_shown_with_it() -> None:
    assert "hydra.launcher." not in page_of("train")
    text = " ".join(page_of("train", "hydra/launcher=v100").split())
    assert "hydra.launcher: Slurm nodes with V100s" in text
    assert "hydra.launcher.timeout_min=1440 time limit of a job" in text
    assert "hydra.launcher.partition=null the partition of your site" in text
    assert "hydra.launcher.n_jobs=-1" in page_of("train", "hydra/launcher=joblib")


def test_a_group_is_listed_with_its_present_choice_and_all_choices() -> None:
    text = " ".join(page_of("train", "model=floc backbone=small").split())
    assert "model=floc context, fagg, floc" in text
    assert "maps=[emb,sal] contra, emb, ipsi, loc, sal" in " ".join(page_of("train").split())
    assert "experiment=null demo/context, demo/fagg" in text
    for path in (CONF / "backbone").glob("*.yaml"):
        assert path.stem in text


@pytest.mark.parametrize("name", sorted(KEYS))
def test_examples_are_commands_that_compose(name: str) -> None:
    text = page_of(name).partition("Examples:\n")[2].partition("\n\n")[0]
    lines = [shlex.split(line) for line in text.splitlines()]
    assert len(lines) >= 2
    for mammo, command, *words in lines:
        assert (mammo, command) == ("mammo", name)
        asked = _asked(as_typed(forced(words), KEYS[name]))
        cfg, swept = _unswept(asked, name)
        check_config(name, cfg)
        check_swept(name, list(swept.values()))


def test_the_root_of_the_environment_is_shown_and_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMMO_ROOT", "runs/mine")
    assert "  root=runs/mine " in help_page("split", CONF, [], reads_store=False)
    assert composed("split", []).store == "runs/mine/store"
    assert composed("split", ["root=runs/other"]).store == "runs/other/store"


def test_a_narrow_terminal_gets_a_narrow_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    keys = help_page("split", CONF, [], reads_store=False).partition("\nKeys")[2]
    assert max(map(len, keys.splitlines())) <= 80


def test_choices_of_the_users_own_folder_are_shown(tmp_path: Path) -> None:
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    (tmp_path / "own" / "experiment" / "mine.yaml").write_text("# @package _global_\nbatch_size: 3\n")
    words = _fixed(_asked(["--config-dir", str(tmp_path / "own"), "experiment=mine"]))
    page = help_page("train", CONF, words, reads_store=True)
    assert "  batch_size=3 " in page
    assert "figure6, lr_search, mine, table2" in " ".join(page.partition("experiment=mine")[2].split())
