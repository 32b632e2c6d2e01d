"""A training that is killed goes on to the very end of an undisturbed one, at any point, also in a moved root.

Three networks, all with dropout, half of the cases with weight averaging; kills at twelve points; 0, 1 and 2 threads
that read ahead: 108 cases. And f_agg with more and with fewer validations than one an epoch. FULL=1 runs all cases.
"""

import os
import shutil
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from random import Random

import pytest
import pytorch_lightning as pl
import timm  # noqa: F401 (imported once, before the forks)
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback

from mammo.cli.hydra_app import composed
from mammo.training import resume
from mammo.training.checkpoints import RunCheckpoint
from mammo.training.fit import train
from mammo.training.progress_lines import EpochProgress
from mammo.training.train_config import store_defaults
from tests.faults.cases import check_cases
from tests.faults.forks import launch
from tests.training.run_content import RunContent

N_STEPS = 4
"""Training steps of an epoch of each network; there are three epochs."""

TRAINER = (
    "trainer=cpu",
    "trainer.max_epochs=3",
    "trainer.precision=32-true",
    "torch.threads=1",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 2, test: 2}",
    "eval_batch_size=4",
    "model.lr=1e-3",
    "allow_targets=[tests]",
)
OWN = "model._target_=tests.faults.dropout_networks"
FAGG = ("maps=[emb,sal]", f"{OWN}.DropoutFAgg")
NETWORKS = {
    "floc": (
        *("model=floc", "backbone=timm", "backbone.name=test_resnet", "backbone.init=he", "batch_size=5"),
        "+backbone.arguments.drop_path_rate=0.5",
    ),
    "context": ("model=context", f"{OWN}.DropoutContextNetwork", f"trainer.limit_train_batches={N_STEPS}"),
    "fagg": (*FAGG, "batch_size=5"),
}
TWICE, SELDOM = "fagg validated twice in an epoch", "fagg validated every second epoch"
OTHER_VALIDATIONS = {
    TWICE: (*NETWORKS["fagg"], "trainer.val_check_interval=2"),
    SELDOM: (*NETWORKS["fagg"], "trainer.check_val_every_n_epoch=2"),
}
AVERAGING = ("callbacks=[early_stopping,weight_averaging]", "callbacks.weight_averaging.decay=0.9")


@dataclass(frozen=True)
class Point:
    """Where a training is killed: at the end of a call of a hook.

    Attributes:
        epoch: from 0 on.
        hook: of EpochProgress, the last callback, or, for the end of an epoch, of RunCheckpoint, which is called for
            best.ckpt first and for last.ckpt then.
        call: the number of this call within the epoch, from 1 on.
    """

    epoch: int
    hook: str
    call: int = 1
    owner: type[Callback] = EpochProgress

    def kill(self) -> None:
        """Let this process kill itself there."""
        calls: Counter[int] = Counter()
        original: Callable[..., None] = getattr(self.owner, self.hook)

        def hook(callback: Callback, trainer: pl.Trainer, *others: object) -> None:
            original(callback, trainer, *others)
            calls[trainer.current_epoch] += 1
            if trainer.current_epoch == self.epoch and calls[self.epoch] == self.call:
                os.kill(os.getpid(), signal.SIGKILL)

        setattr(self.owner, self.hook, hook)


def points(random: Random) -> tuple[Point, ...]:
    """Twelve kill points, those within an epoch at random steps."""
    steps = [random.randint(1, N_STEPS) for _ in range(3)]
    return (
        Point(0, "on_train_batch_start", steps[0]),
        Point(0, "on_validation_batch_end", 2),
        Point(0, "on_train_epoch_end", 1, RunCheckpoint),
        Point(0, "on_train_epoch_end", 2, RunCheckpoint),
        Point(1, "on_train_epoch_start"),
        Point(1, "on_train_batch_end", steps[1]),
        Point(1, "on_validation_batch_start", 1),
        Point(1, "on_validation_end"),
        Point(2, "on_train_batch_start", steps[2]),
        Point(2, "on_train_epoch_end", 2, RunCheckpoint),
        Point(3, "on_train_end"),
        Point(3, "on_test_batch_end", 2),
    )


@dataclass(frozen=True)
class Case:
    """A training that is killed and goes on.

    Attributes:
        network: of NETWORKS or OTHER_VALIDATIONS.
        averages: with weight averaging.
        point: where it is killed.
        workers: threads that read ahead.
        saves_steps: whether last.ckpt is written after every step, or at the end of an epoch alone.
        moves: whether the root is copied to another place and deleted, before the training goes on.
    """

    network: str
    averages: bool
    point: Point
    workers: int
    saves_steps: bool
    moves: bool

    def kill(self) -> None:
        """Let this process, which is going to train, kill itself."""
        if self.saves_steps:
            resume.CHECKPOINT_INTERVAL_S = 0.0
        self.point.kill()


def case_of(network: str, number: int, point: Point, workers: int, random: Random) -> Case:
    turn = number + workers
    return Case(network, turn % 2 == 1, point, workers, random.random() < 0.5, turn % 3 == 0)


def named(cases: Iterable[Case]) -> dict[str, Case]:
    """Cases by a name of each."""
    found = {}
    for case in cases:
        where = f"epoch {case.point.epoch} {case.point.owner.__name__}.{case.point.hook} {case.point.call}"
        found[f"{case.network} averages={case.averages} {where} workers={case.workers} moves={case.moves}"] = case
    return found


def cases_of_networks() -> dict[str, Case]:
    random = Random(0)
    combinations = product(NETWORKS, enumerate(points(random)), (0, 1, 2))
    return named(case_of(network, *numbered, workers, random) for network, numbered, workers in combinations)


def cases_of_validations() -> dict[str, Case]:
    random = Random(0)
    usual = points(random)
    within = [Point(0, "on_validation_end", call, RunCheckpoint) for call in (1, 2)]  # best.ckpt, then last.ckpt
    seldom = [point for point in usual if point.hook != "on_validation_batch_end"]  # epoch 0 has none
    combinations = [*product([TWICE], enumerate([*usual, *within])), *product([SELDOM], enumerate(seldom))]
    return named(case_of(network, *numbered, 0, random) for network, numbered in combinations)


class Trainings:
    """Undisturbed and killed trainings in copies of a root.

    Args:
        template: a root with a split store, a context network with its saliency maps, and an f_loc.
        folder: for the copies.
    """

    def __init__(self, template: Path, folder: Path) -> None:
        self.template, self.folder = template, folder
        self.configuration = cache(self._configuration)
        self.undisturbed = cache(self._undisturbed)

    def check(self, case: Case) -> None:
        """Kill a training and let it go on; AssertionError if its end is another one."""
        root = self._copy(self.template, "root")
        assert self._run(root, case, kills=True) == -signal.SIGKILL, "the training is killed"
        if case.moves:
            root = self._copy(root, "moved")
        assert self._run(root, case, kills=False) == 0
        found = content(root).differences(self.undisturbed(case.network, case.averages))
        assert not found, "\n".join(found)

    def _undisturbed(self, network: str, averages: bool) -> RunContent:
        root = self._copy(self.template, "undisturbed")
        case = Case(network, averages, Point(0, "on_train_start"), workers=0, saves_steps=False, moves=False)
        assert self._run(root, case, kills=False) == 0
        return content(root)

    def _configuration(self, network: str, averages: bool) -> DictConfig:
        words = [
            f"root={self.template}",
            *TRAINER,
            *(NETWORKS | OTHER_VALIDATIONS)[network],
            *(AVERAGING if averages else ()),
        ]
        return composed("train", words, store_defaults)

    def _run(self, root: Path, case: Case, kills: bool) -> int:
        """Train in a fork, which finds the libraries imported and the configuration composed; its exit status."""
        cfg = self.configuration(case.network, case.averages).copy()
        cfg.root, cfg.store, cfg.group, cfg.workers = str(root), str(root / "store"), "tested", case.workers
        pid = os.fork()
        if pid == 0:
            try:
                if kills:
                    case.kill()
                train(cfg)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def _copy(self, root: Path, name: str) -> Path:
        """A copy of a root with new times; what is no template is deleted."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.copytree(root, self.folder / name, copy_function=shutil.copy)
        if root != self.template:
            shutil.rmtree(root)
        return self.folder / name


def content(root: Path) -> RunContent:
    (folder,) = root.glob("tested/*")
    return RunContent(folder)


@pytest.fixture(scope="module")
def trainings(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    root = tmp_path_factory.mktemp("template") / "root"
    shutil.copytree(small_root / "store", root / "store")
    quick = (*TRAINER, "trainer.max_epochs=1", "workers=0")
    for words in (
        ("train", "model=context", *quick),
        ("precompute", "what=saliency", "trainer=cpu"),
        ("train", "model=floc", "backbone=small", *quick),
    ):
        ended = launch([words[0], f"root={root}", *words[1:]], root).wait()
        assert ended.status == 0, ended.err
    return Trainings(root, tmp_path_factory.mktemp("trainings"))


@pytest.mark.faults
def test_a_killed_training_has_the_end_of_an_undisturbed_one(trainings: Trainings) -> None:
    check_cases("resume", cases_of_networks(), trainings.check, 6)


@pytest.mark.faults
def test_a_killed_training_that_validates_within_epochs_or_seldom_has_the_same_end(trainings: Trainings) -> None:
    check_cases("validations", cases_of_validations(), trainings.check, 4)
