"""Every choice of every group composes and builds; sweeps have the expected number of jobs."""

from functools import partial
from itertools import product
from pathlib import Path

import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mammo.cli import hydra_app
from mammo.cli.config_check import forced
from mammo.cli.hydra_app import CONF
from mammo.geometry import Frame
from mammo.maps.map_names import maps_name
from mammo.records import MammoError
from mammo.store.store_header import DataSet, StoreHeader
from mammo.training.build import crops_of, datamodule_of, frame_of, network_of, run_name
from mammo.training.run_dir import RunDir
from mammo.training.train_config import check_values, header_defaults
from mammo.training.trainer import trainer_of
from mammo.training.wandb_logging import closed_dashboard

GROUPS = {
    **{group: [] for group in ("model", "maps", "context", "trainer", "logger", "callbacks", "intensity", "debug")},
    "backbone": ["model=floc"],
}
NEEDED = {("context", "external"): ["context.folder=here"], ("backbone", "timm"): ["backbone.name=resnet18"]}
CHOICES = [(group, path.stem) for group in (*GROUPS, "frame", "gmic") for path in sorted((CONF / group).glob("*.yaml"))]
EXPERIMENTS = sorted(
    str(path.relative_to(CONF / "experiment").with_suffix("")) for path in (CONF / "experiment").rglob("*.yaml")
)
NEEDED_BY = {"lr_search": ["trial=0"], "transfer": ["backbone.init=he"]}


PHANTOMS = StoreHeader(Frame(368, 240, 8), (DataSet("phantom", "table", "eighth"),))
FULL_SIZE = StoreHeader(Frame(2944, 1920, 64), (DataSet("nyu", "nyu", "full"),))


def composed(*overrides: str, store: StoreHeader = PHANTOMS, hydra_too: bool = False) -> DictConfig:
    """The configuration of mammo.train with a store of this head."""
    return hydra_app.composed("train", overrides, partial(header_defaults, header=store), hydra_too)


def jobs(*overrides: str) -> set[tuple[str, ...]]:
    """The jobs of Hydra's sweeper for the composed parameters."""
    params = composed(*overrides, hydra_too=True).hydra.sweeper.params
    parsed = OverridesParser.create().parse_overrides([f"{key}={value}" for key, value in params.items()])
    return set(
        product(*([f"{each.key_or_group}={value}" for value in each.sweep_string_iterator()] for each in parsed))
    )


@pytest.mark.parametrize(
    "word",
    ["precision=bf17", "strategy=nonsense", "limit_val_batches=-1", "devices=abc", "num_nodes=0", "accelerator=tpu"],
)
def test_an_option_that_lightning_rejects_is_named(word: str, tmp_path: Path) -> None:
    cfg = composed("model=floc", "backbone=small", "trainer=cpu", f"trainer.{word}")
    with pytest.raises(MammoError, match=rf"^trainer\.{word}: Lightning rejects it \(.+\)$"):
        trainer_of(cfg, RunDir(tmp_path, "x", "0" * 64, {}))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["intensity={glare: 1}"],
            r"^intensity=\{'glare': 1\}: choose one of conf/intensity, as in ",
        ),
        (
            ["intensity=standard", "+intensity.glare=1"],
            r"^intensity\.glare: Compose has no such argument; it has ",
        ),
        (
            ["backbone=small", "+backbone.arguments.glare=1"],
            r"^backbone\.arguments=\{.*: preact_resnet does not take them \(.*'glare'\)$",
        ),
        (
            ["backbone=densenet121", "+backbone.arguments.glare=1"],
            r"^backbone\.arguments=\{'glare': 1\}: densenet121\.tv_in1k does not take them",
        ),
    ],
)
def test_an_unknown_argument_is_named(words: list[str], message: str, small_root: Path) -> None:
    cfg = composed("model=floc", "trainer=cpu", f"root={small_root}", *words)
    with pytest.raises(MammoError, match=message):
        (datamodule_of if "intensity" in words[0] else network_of)(cfg)


@pytest.mark.parametrize(("group", "choice"), CHOICES, ids=lambda value: str(value))
def test_every_choice_composes_and_builds(group: str, choice: str, tmp_path: Path) -> None:
    words = [*GROUPS.get(group, []), f"{group}={choice}", *NEEDED.get((group, choice), [])]
    cfg = composed(*words)
    OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    datamodule_of(cfg)
    with torch.device("meta"):  # sizes and names, without the memory and the minutes of random numbers
        network_of(cfg)
    run = RunDir(tmp_path, "x", "0" * 64, {})
    if cfg.trainer.accelerator == "gpu" and not torch.cuda.is_available():
        with pytest.raises(MammoError, match=r"trainer\.accelerator=gpu.*trainer=cpu"):
            trainer_of(cfg, run)
    else:
        with closed_dashboard():
            assert trainer_of(cfg, run).max_epochs == (1 if cfg.trainer.fast_dev_run else cfg.trainer.max_epochs)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_builds(experiment: str) -> None:
    cfg = composed(f"experiment={experiment}", *NEEDED_BY.get(experiment, []))
    with torch.device("meta"):
        assert network_of(cfg).lr == cfg.model.lr
    assert cfg.group == ("runs" if experiment == "lr_search" else "table3" if "demo" in experiment else experiment)


def test_the_slurm_preset_gives_every_job_one_gpu_and_is_requeued() -> None:
    launcher = composed("hydra/launcher=v100", "trainer=v100", hydra_too=True).hydra.launcher
    assert instantiate(launcher).params["gpus_per_node"] == launcher.tasks_per_node == launcher.nodes == 1
    assert launcher._target_.endswith("SlurmLauncher")
    assert launcher.max_num_timeout > 0
    assert launcher.array_parallelism > 1
    assert launcher.submitit_folder.startswith("runs/demo/")


def test_the_preset_of_several_gpus_has_a_process_and_a_gpu_for_each_device() -> None:
    words = ("hydra/launcher=slurm_ddp", "trainer.devices=4", "trainer.num_nodes=2")
    params = instantiate(composed(*words, hydra_too=True).hydra.launcher).params
    assert (params["gpus_per_node"], params["tasks_per_node"], params["nodes"]) == (4, 4, 2)
    assert (params["mem_gb"], params["mem_per_cpu"], params["cpus_per_task"]) == (None, "8GB", 8)
    assert params["max_num_timeout"] > 0


@pytest.mark.parametrize("command_name", ["train", "precompute"])
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local", "submitit_slurm", "slurm", "v100", "slurm_cpu"])
def test_every_launcher_composes_and_builds(launcher: str, command_name: str) -> None:
    needed = ["what=embeddings"] if command_name == "precompute" else []
    cfg = hydra_app.composed(command_name, [f"hydra/launcher={launcher}", *needed], hydra_too=True)
    instantiate(cfg.hydra.launcher)


def test_table3_sweeps_the_seven_combinations() -> None:
    swept = {frozenset(job[0].removeprefix("maps=").strip("[]").split(",")) for job in jobs("experiment=table3")}
    assert len(swept) == 7
    assert frozenset({"loc", "emb", "sal"}) in swept


def test_figure6_sweeps_six_backbones_and_two_initializations() -> None:
    swept = jobs("experiment=figure6")
    assert len(swept) == 12
    assert {job[0] for job in swept} == {
        f"backbone={path.stem}" for path in (CONF / "backbone").glob("*.yaml") if path.stem not in ("small", "timm")
    }
    for job in swept:
        cfg = composed("model=floc", *job)
        assert cfg.backbone.init in ("imagenet", "he")


@pytest.mark.parametrize(
    ("experiments", "n_jobs"), [("[table3,lr_search]", 7 * 20), ("[figure6,lr_search]", 12 * 20), ("table2", 5)]
)
def test_presets_multiply(experiments: str, n_jobs: int) -> None:
    assert len(jobs(f"experiment={experiments}")) == n_jobs


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--multirun", "maps=emb,sal,loc"), ["emb", "sal", "loc"]),
        (("experiment=table3",), ["loc", "emb", "sal", "loc+emb", "loc+sal", "sal+emb", "loc+sal+emb"]),
        (("maps=[sal,loc]",), ["loc+sal"]),
        (
            ("experiment=[table3,lr_search]", "maps=[loc],[sal]", "trial=range(2)", "seed=0,1"),
            ["loc"] * 4 + ["sal"] * 4,
        ),
        (("experiment=lr_search", "trial=7"), ["sal+emb"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_sweep_runs_the_expected_jobs(
    words: tuple[str, ...], expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr("sys.argv", ["train", *words, f"root={tmp_path}"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    defaults = partial(header_defaults, header=PHANTOMS)
    hydra_app.command("train", defaults)(lambda cfg: seen.append(maps_name(cfg.maps)))()
    assert seen == expected


EVERYDAY = (
    "model=floc backbone=densenet161",
    "model=context",
    "maps=[emb,sal]",
    "maps=emb",
    "maps=loc context=shuffled",
    "context=zeros trainer=cpu logger=wandb",
    "experiment=table3 maps=[loc]",
    "experiment=demo/floc quota.malignant=30 batch_size=10 seed=3",
    "model=floc backbone=small trainer.max_epochs=3 +trainer.detect_anomaly=true",
    "model=floc model.loss._target_=torch.nn.CrossEntropyLoss intensity=standard",
    "callbacks=[early_stopping,weight_averaging] callbacks.early_stopping.patience=3 torch.threads=2",
    "logger=[csv,tensorboard] trainer.enable_model_summary=true trainer.profiler=simple debug=few_batches",
)


@pytest.mark.parametrize("words", EVERYDAY)
def test_an_everyday_command_line_composes_and_builds(words: str, tmp_path: Path) -> None:
    cfg = composed(*forced(words.split()))
    check_values(cfg)
    datamodule_of(cfg)
    with torch.device("meta"):
        network_of(cfg)
    with closed_dashboard():
        trainer_of(cfg, RunDir(tmp_path, "x", "0" * 64, {}))


def test_a_single_map_replaces_the_default_and_order_does_not_matter() -> None:
    assert run_name(composed("maps=emb")) == "fagg-emb-s0"
    assert run_name(composed("maps=[emb,sal,loc]")) == "fagg-loc+sal+emb-s0"


def test_backbone_belongs_to_f_loc_and_maps_to_f_agg() -> None:
    with pytest.raises(ConfigCompositionException):
        composed("model=floc", "maps=emb")
    with pytest.raises(ConfigCompositionException):
        composed("model=fagg", "backbone=densenet161")


def test_phantoms_start_from_he_and_other_data_from_imagenet() -> None:
    assert composed("model=floc").backbone.init == composed("model=context").gmic.local_init == "he"
    full = (composed(f"model={model}", store=FULL_SIZE) for model in ("floc", "context"))
    assert [cfg.backbone.init if "backbone" in cfg else cfg.gmic.local_init for cfg in full] == ["imagenet"] * 2
    assert composed("model=floc", "data.init=imagenet").backbone.init == "imagenet"
    assert composed("model=floc", "backbone.init=he", store=FULL_SIZE).backbone.init == "he"


def test_windows_and_patches_scale_with_the_frame() -> None:
    quarter = StoreHeader(Frame(736, 480, 16), (DataSet("phantom", "table", "eighth"),))
    small, middle, full = (composed("model=floc", store=store) for store in (PHANTOMS, quarter, FULL_SIZE))
    assert frame_of(small).grid == frame_of(middle).grid == frame_of(full).grid == (46, 30)
    assert list(crops_of(full).side_px) == [128, 384]
    for cfg, scale in ((small, 8), (middle, 4), (full, 1)):
        assert [scale * side for side in crops_of(cfg).side_px] == [128, 384]
        assert (scale * crops_of(cfg).patch_px, scale * cfg.frame.noise.size_px) == (256, 100)
        assert cfg.frame.of_full == 1 / scale
    assert (crops_of(small).whole_px, crops_of(full).whole_px) == (False, True)


@pytest.mark.parametrize("path", sorted((CONF / "data").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_data_set_can_be_ingested(path: Path) -> None:
    cfg = hydra_app.composed("ingest", [f"data={path.stem}", "data.source=here"])
    assert OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert (cfg.data.name, "gmic" in cfg) == (path.stem, False)
    own = {"phantom": 1, "mias": 1, "cbis_ddsm": 0.65}  # its films are finer than the paper's detectors
    assert cfg.data.scale == own.get(path.stem, cfg.frame.of_full)


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_every_key_has_a_comment(path: Path) -> None:
    block, before, bare = "", "", []
    for line in path.read_text().splitlines():
        text = line.strip()
        if line and line[0] not in " #":
            block = line.partition(":")[0]
        is_key = bool(text) and not text.startswith("#") and not text.endswith(":")
        if is_key and block not in ("defaults", "hydra", "stages") and "#" not in line and not before.startswith("#"):
            bare.append(line)
        before = text
    assert not bare
