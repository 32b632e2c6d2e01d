"""Where a library's RuntimeError means damaged data, one of a subclass passes: it can mean the end of a Slurm job."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pydicom
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf

from mammo.cli.hydra_app import composed
from mammo.cli.value_types import normalized_path
from mammo.geometry import Box
from mammo.inference.bundle import _member
from mammo.intake.rejections import RejectedError
from mammo.intake.source_folder import regular_file
from mammo.models.gmic import Gmic
from mammo.models.weight_files import archive_damage, read_weights, save_torch
from mammo.quality.audit import check_unlisted_records
from mammo.records import MammoError
from mammo.store.embedding_cache import Embeddings
from mammo.store.image_store import ImageStore
from mammo.training.run_dir import RunDir
from mammo.training.trained_networks import SavedNetwork
from mammo.training.trainer import lightning_errors, trainer_of

PIXELS = np.full((200, 200), 7, np.uint16)
PLAN = SimpleNamespace(digest=lambda: "plan")

Patch = pytest.MonkeyPatch
Case = Callable[[Path, Patch, Callable[..., NoReturn]], object]


class EndOfJobError(RuntimeError):
    """As submitit raises it, between any two lines of the program."""


def image(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    store = ImageStore(folder)
    store.write("abc1", PIXELS)
    patch.setattr("mammo.store.tiles.blosc2.decompress2", fails)
    return store.read("abc1", Box(0, 9, 0, 9))


def unlisted_image(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    ImageStore(folder).write("abc1", PIXELS)
    patch.setattr("mammo.store.tiles.blosc2.decompress2", fails)
    (issue,) = check_unlisted_records(folder, ())
    raise MammoError(str(issue))


def weights(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    torch.save({"a": torch.zeros(2)}, folder / "a.ckpt")
    patch.setattr("mammo.models.weight_files.torch.load", fails)
    return read_weights(folder / "a.ckpt")


def archive(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    torch.save({"a": torch.zeros(2)}, folder / "a.ckpt")
    patch.setattr(ZipFile, "testzip", fails)
    raise MammoError(archive_damage(folder / "a.ckpt"))


def local_trunk(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    network = SimpleNamespace(local=SimpleNamespace(load_state_dict=fails), sizes=SimpleNamespace(local_widths=(1,)))
    return Gmic.load_local_trunk(network, {})  # type: ignore[arg-type]


def member(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    with ZipFile(folder / "a.bundle", "w", ZIP_STORED) as written:
        written.writestr("a", "content")
    patch.setattr(ZipFile, "read", fails)
    try:
        return _member(folder / "a.bundle", "a", 99)
    except ValueError as error:
        raise MammoError(str(error)) from error


def saved_network(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    patch.setattr("mammo.training.trained_networks._check_arguments", lambda *_: None)
    patch.setattr("mammo.training.trained_networks._built", fails)
    return SavedNetwork("best.ckpt", {"lr": 1.0}, {}).built(pl.LightningModule)


def trainer(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    cfg = composed("train", [f"root={folder}", "model=floc", "backbone=small", "trainer=cpu"])
    patch.setattr("mammo.training.trainer._loggers", lambda *_: [])
    patch.setattr("pytorch_lightning.trainer.trainer._AcceleratorConnector", fails)
    return trainer_of(cfg, RunDir(folder, "run", "0" * 64, {}))


def trained(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    cfg = OmegaConf.create({"trainer": {"max_steps": -1}, "model": {"_target_": "Net"}})
    with lightning_errors(cfg):
        fails("max_steps", "an option")


def home(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    patch.setattr(Path, "expanduser", fails)
    raise MammoError(normalized_path("~who/a"))


def source(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    patch.setattr(Path, "resolve", fails)
    try:
        return regular_file(folder, "a")
    except RejectedError as error:
        raise MammoError from error


def embeddings(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    cache = Embeddings(folder, "32-true")
    cache.write(PLAN, np.zeros((2, 3), np.float32))
    patch.setattr("mammo.store.embedding_cache.np.load", fails)
    return cache.read(PLAN)


def embeddings_archive(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    cache = Embeddings(folder, "32-true")
    cache.write(PLAN, np.zeros((2, 3), np.float32))
    patch.setattr(ZipFile, "testzip", fails)
    return cache.read(PLAN)


def peer(folder: Path, patch: Patch, fails: Callable[..., NoReturn]) -> object:
    sender = pytest.importorskip("mammo.serving.peer", reason="the extra dicom is not installed")
    patch.setattr(pydicom, "dcmread", lambda _: None)
    association: Any = SimpleNamespace(is_established=True, send_c_store=fails)
    raise MammoError(sender._send_case(association, [folder / "a"]))


CASES = (
    *(image, unlisted_image, weights, archive, local_trunk, member, saved_network, trainer, trained, home, source),
    *(embeddings, embeddings_archive, peer),
)


def raising(kind: type[RuntimeError]) -> Callable[..., NoReturn]:
    def fails(*words: object, **_: object) -> NoReturn:
        raise kind(" ".join(word for word in words if isinstance(word, str)) or "of the library")

    return fails


@pytest.mark.parametrize("case", CASES)
def test_what_a_library_raises_is_reported_as_wrong_input(case: Case, tmp_path: Path, monkeypatch: Patch) -> None:
    with pytest.raises(MammoError):
        case(tmp_path, monkeypatch, raising(RuntimeError))


@pytest.mark.parametrize("case", CASES)
def test_the_end_of_a_job_passes(case: Case, tmp_path: Path, monkeypatch: Patch) -> None:
    with pytest.raises(EndOfJobError):
        case(tmp_path, monkeypatch, raising(EndOfJobError))


def test_a_full_disk_is_reported_but_not_in_place_of_the_end_of_a_job(tmp_path: Path, monkeypatch: Patch) -> None:
    for kind, expected in ((RuntimeError, OSError), (EndOfJobError, EndOfJobError)):

        def full(*_: object, kind: type[RuntimeError] = kind) -> NoReturn:
            try:
                raise OSError(28, "full")
            except OSError:
                raise kind  # noqa: B904  (as torch's writer raises it)

        monkeypatch.setattr("mammo.models.weight_files.torch.save", full)
        with pytest.raises(expected):
            save_torch({}, tmp_path / "a")
