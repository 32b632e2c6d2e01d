"""Every choice of every group composes; sweeps are as long as they promise."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from mammo.door import CONF, command
from mammo.maps.stack import maps_name
from mammo.runs.build import crops_of, frame_of, network_of, run_name

GROUPS = {"model": [], "backbone": ["model=floc"], "maps": [], "context": [], "data": [], "trainer": [], "logger": []}
NEEDED = {("data", "nyu"): ["data.source=here"], ("data", "table"): ["data.source=here"]} | {
    ("context", "external"): ["context.folder=here"]
}
CHOICES = [
    (group, path.stem) for group in (*GROUPS, "frame", "gmic") for path in sorted((Path(CONF) / group).glob("*.yaml"))
]


def composed(*overrides: str):  # noqa: ANN201
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", list(overrides))


@pytest.mark.parametrize(("group", "choice"), CHOICES, ids=lambda value: str(value))
def test_every_choice_composes_and_resolves(group: str, choice: str) -> None:
    cfg = composed(*GROUPS.get(group, []), f"{group}={choice}", *NEEDED.get((group, choice), []))
    OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)


@pytest.mark.parametrize(
    "experiment", ["table3", "demo/context", "demo/floc", "demo/fagg", "demo/table3", "demo/shuffled"]
)
def test_every_experiment_composes_and_builds(experiment: str) -> None:
    cfg = composed(f"experiment={experiment}")
    assert network_of(cfg).lr == cfg.model.lr
    assert cfg.group == "table3"


def test_table3_sweeps_the_seven_combinations() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", ["experiment=table3"], return_hydra_config=True)
    override = OverridesParser.create().parse_override(f"maps={cfg.hydra.sweeper.params.maps}")
    swept = {frozenset(str(choice).strip("[]").split(",")) for choice in override.sweep_string_iterator()}
    assert len(swept) == 7
    assert frozenset({"loc", "emb", "sal"}) in swept


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--multirun", "maps=emb,sal,loc"), ["emb", "sal", "loc"]),
        (("experiment=table3",), ["loc", "emb", "sal", "loc+emb", "loc+sal", "sal+emb", "loc+sal+emb"]),
        (("maps=[sal,loc]",), ["loc+sal"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_sweep_runs_as_many_jobs_as_it_promises(
    words: tuple[str, ...], expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr("sys.argv", ["train", *words, f"root={tmp_path}"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    command("train")(lambda cfg: seen.append(maps_name(cfg.maps)))()
    assert seen == expected


def test_a_single_map_replaces_the_default_and_order_does_not_matter() -> None:
    assert run_name(composed("maps=emb")) == "fagg-emb-s0"
    assert run_name(composed("maps=[emb,sal,loc]")) == "fagg-loc+sal+emb-s0"


def test_f_loc_owns_backbone_and_f_agg_owns_maps() -> None:
    with pytest.raises(ConfigCompositionException):
        composed("model=floc", "maps=emb")
    with pytest.raises(ConfigCompositionException):
        composed("model=fagg", "backbone=densenet161")


def test_phantoms_start_from_he_and_other_data_from_imagenet() -> None:
    assert composed("model=floc").backbone.init == "he"
    assert composed("model=floc", "data=table", "data.source=here").backbone.init == "imagenet"


def test_windows_and_patches_scale_with_the_frame() -> None:
    small, full = (composed("model=floc", f"frame={name}") for name in ("eighth", "full"))
    assert frame_of(small).grid == frame_of(full).grid == (46, 30)
    assert [8 * side for side in crops_of(small).side_px] == list(crops_of(full).side_px) == [128, 384]
    assert 8 * crops_of(small).patch_px == crops_of(full).patch_px == 256
