"""Embeddings of an f_loc run: computed once for all runs that read them; the random numbers of a run do not change."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from mammo.data.datamodule import MammoDataModule
from mammo.data.plans import Plan, Quota
from mammo.data.window_sampler import CropSizes
from mammo.ingestion.shard import Shard
from mammo.records import Split
from mammo.training import precomputed
from mammo.training.precomputed import FLocEmbeddings, precompute_embeddings

N_TOGETHER = 4


class Mean(pl.LightningModule):
    """An f_loc whose h is the mean gray value, 32 times; its first weights are random, as any network's."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)

    def represent(self, patch: torch.Tensor) -> torch.Tensor:
        return patch.float().mean(dim=(1, 2, 3))[:, None].expand(-1, 32)


@pytest.fixture
def data(small_root: Path) -> MammoDataModule:
    return MammoDataModule(
        store=str(small_root / "store"),
        plan="patches",
        columns=("embedding",),
        crops=CropSizes((16, 48), 32),
        quota=Quota(4, 4, 3, 3),
        batch_size=7,
        eval_batch_size=7,
        windows_per_lesion={"val": 2, "test": 3},
        shared_windows=True,
    )


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The digests of the plans that f_loc was run on."""
    digests: list[str] = []
    embed = precomputed.embed_plan

    def embed_plan(network: pl.LightningModule, plan: Plan, *others: object) -> np.ndarray:
        digests.append(plan.digest())
        return embed(network, plan, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(precomputed, "embed_plan", embed_plan)
    monkeypatch.setattr(precomputed, "load_floc", lambda run, allowed: Mean())
    return digests


def source(folder: Path) -> FLocEmbeddings:
    return FLocEmbeddings(folder, "32-true", "cpu")


def test_h_belongs_to_the_windows_of_its_plan(data: MammoDataModule, tmp_path: Path, computed: list[str]) -> None:
    plan, reader = data.training_plan(0), data.split_data(Split.TRAIN).reader
    means = reader.patches(plan).mean(axis=(1, 2))
    for _ in range(2):
        h = source(tmp_path)(plan, reader)
        assert h.shape == (len(plan), 32)
        np.testing.assert_allclose(h[:, 0], means, rtol=1e-6)
    assert computed == [plan.digest()]


def test_many_that_ask_at_once_have_it_computed_once(
    data: MammoDataModule, tmp_path: Path, computed: list[str]
) -> None:
    plans, reader = [data.training_plan(epoch) for epoch in range(2)], data.split_data(Split.TRAIN).reader
    sources = [source(tmp_path) for _ in range(N_TOGETHER)]
    with ThreadPoolExecutor(N_TOGETHER) as pool:
        found = [list(pool.map(lambda each, plan=plan: each(plan, reader), sources)) for plan in plans]
    assert computed == [plan.digest() for plan in plans]
    assert all(np.array_equal(h, of_plan[0]) for of_plan in found for h in of_plan)


def test_random_numbers_do_not_depend_on_whether_h_was_cached(
    data: MammoDataModule, tmp_path: Path, computed: list[str]
) -> None:
    drawn = []
    for _ in range(2):
        pl.seed_everything(5, verbose=False)
        source(tmp_path)(data.training_plan(0), data.split_data(Split.TRAIN).reader)
        drawn.append((torch.rand(1).item(), float(np.random.random()), random.random()))
    assert len(computed) == 1
    assert drawn[0] == drawn[1]


def test_shards_precompute_every_epoch_of_training_once(
    data: MammoDataModule, tmp_path: Path, computed: list[str]
) -> None:
    for number in range(3):
        precompute_embeddings(source(tmp_path), data, 4, Shard(number, 3))
    plans = [data.training_plan(epoch) for epoch in range(4)]
    plans += [data.evaluation_plan(split) for split in (Split.VAL, Split.TEST)]
    assert sorted(computed) == sorted(plan.digest() for plan in plans)
