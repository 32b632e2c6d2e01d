"""Configurations of a sweep's jobs are those that Hydra composes for each, with the files read once for many."""

import random
from collections.abc import Iterator

import pytest
from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

import mammo.cli.resolvers  # noqa: F401  (registers the resolvers that conf/ uses)
from mammo.cli.hydra_app import CONF
from mammo.training.job_configs import JobConfigs

FIXED = ["data.name=x", "data.init=he", "frame=eighth"]
AXES = (
    ("maps=[loc]", "maps=[emb,sal]", "model=floc"),
    ("seed=0", "seed=1", "seed=1.5", "seed='a,b'", "seed=null", "seed=${trial}"),
    (
        "trainer.max_epochs=2",
        "trainer={max_epochs: 3}",
        "++trainer.max_epochs=4",
        "trainer=cpu",
        "trainer.log_every_n_steps=7",
    ),
    ("windows_per_lesion.val=3", "windows_per_lesion={val: 4, test: 5}", "windows_per_lesion.test=7"),
    ("intensity=standard", "+extra.number=1", "+extra.number=2"),
    ("hydra.job.num=3", "hydra.job.num=4", "hydra/launcher=slurm"),
    ("callbacks=[]", "callbacks=[early_stopping]", "group=a", "group=b"),
)


@pytest.fixture
def loader() -> Iterator[ConfigLoader]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield GlobalHydra.instance().config_loader()


def composed(loader: ConfigLoader, sweep: DictConfig, job: list[str]) -> object:
    cfg = loader.load_sweep_config(sweep, job)
    return {key: value for key, value in OmegaConf.to_container(cfg).items() if key != "hydra"}


def test_a_job_has_the_configuration_that_hydra_composes(loader: ConfigLoader) -> None:
    rng = random.Random(0)
    sweep = loader.load_configuration("train", FIXED, run_mode=RunMode.MULTIRUN)
    configs = JobConfigs(loader, sweep)
    for _ in range(12):
        chosen = [rng.choice(axis) for axis in rng.sample(AXES, 4)]
        job = rng.sample([*FIXED, *chosen], len(FIXED) + 4)
        cfg = configs.of(job)
        assert OmegaConf.to_container(cfg) == composed(loader, sweep, job), job
        OmegaConf.update(cfg, "seed", 99)  # its own: the next job of this kind is not changed


def test_hydra_composes_once_for_each_choice_of_groups(loader: ConfigLoader, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = loader.load_configuration("train", FIXED, run_mode=RunMode.MULTIRUN)
    configs, jobs, load = JobConfigs(loader, sweep), list[list[str]](), loader.load_sweep_config
    monkeypatch.setattr(loader, "load_sweep_config", lambda cfg, job: (jobs.append(job), load(cfg, job))[1])
    for maps in ("maps=[loc]", "maps=[sal]"):
        for seed in range(6):
            assert configs.of([*FIXED, maps, f"seed={seed}", f"trial={seed}"]).seed == seed
    assert len(jobs) == 2
