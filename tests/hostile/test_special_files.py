"""Pipes, devices, sockets and folders where a file is expected: each reader ends at once, with one sentence."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mammo.data.plans import Plan
from mammo.geometry import Frame
from mammo.inference.case_image import Placing, read_image
from mammo.inference.given_images import _digest
from mammo.ingest import main as ingest_command
from mammo.ingestion.quarantine import RejectionLog
from mammo.intake.adapters import mias, nyu, read_cohort
from mammo.intake.adapters._tcia_layout import SeriesIndex
from mammo.intake.adapters.inbreast import _regions
from mammo.intake.coco import read_coco
from mammo.intake.rejections import RejectedError
from mammo.intake.source_folder import Folder
from mammo.intake.source_tables import read_rows
from mammo.maps.saliency import ExternalMaps
from mammo.models.backbones import Backbone
from mammo.models.weight_files import read_weights
from mammo.records import MammoError
from mammo.scoring.score_file import read_score_file
from mammo.scoring.score_tables import read_lesion_table
from mammo.store.embedding_cache import Embeddings
from mammo.store.manifest import Manifest
from mammo.store.open_store import open_store
from mammo.store.pseudonyms import OWN_IDS, Pseudonyms, read_own_ids
from mammo.store.saliency_cache import SaliencyMaps
from mammo.store.store_header import read_store_header
from mammo.train import main as train_command
from mammo.training.results import read_run
from mammo.training.resume import start_from
from mammo.training.run_files import read_run_config
from mammo.training.run_list import _reads
from tests.hostile.effects import checked_sentence, command_rejection, ends_within

SECONDS = 5.0


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path has at most 107 bytes
        made.bind(path.name)
        os.chdir(here)


def folder(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path.name)


KINDS: dict[str, Callable[[Path], None]] = {
    "pipe": pipe,
    "device": device,
    "socket": bound_socket,
    "folder": folder,
    "loop": loop,
}

READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "CSV table": ("lesions.csv", lambda path: list(read_rows(path, needed=("path",)))),
    "sheet": ("lesions.xlsx", lambda path: list(read_rows(path))),
    "Parquet table": ("lesions.parquet", lambda path: list(read_rows(path))),
    "COCO file": ("coco.json", lambda path: list(read_coco(path))),
    "score file": ("scores.csv", read_score_file),
    "score table": ("lesions.parquet", read_lesion_table),
    "header of a store": ("store.json", lambda path: read_store_header(path.parent)),
    "result of a run": ("result.json", lambda path: read_run(path.parent)),
    "configuration of a run": ("config.yaml", read_run_config),
    "weights": ("w.ckpt", read_weights),
    "checkpoint to start from": ("w.ckpt", lambda path: start_from(path, None, 1)),  # type: ignore[arg-type]
    "pretrained file": ("w.safetensors", lambda path: Backbone("resnet18.tv_in1k", "imagenet", str(path))),
    "saliency map": ("a.npy", lambda path: ExternalMaps(path.parent, (46, 30))(["a"])),
    "own ids": ("ids.csv", lambda path: read_own_ids(path.parent)),
    "key": (".key", lambda path: Pseudonyms.of_store(path.parent)),
    "film list": ("Info.txt", lambda path: mias.read(path.parent)),
    "exam list": ("exam_list_before_cropping.pkl", lambda path: nyu.read(path.parent)),
    "region list": ("1.xml", _regions),
    "image": ("image.dcm", lambda path: read_image(path, "L", "CC", Placing(Frame(368, 240, 8), 1.0), path)),
    "own folder": ("lesions.csv", lambda path: read_cohort("table", path.parent)),
    "own folder of COCO": ("coco.json", lambda path: read_cohort("table", path.parent)),
}
"""Readers that reject what is not a file."""

MISSING: dict[str, tuple[str, Callable[[Path], object]]] = {
    "digest of an image": ("image.dcm", _digest),
    "origin of a run": ("origin.json", lambda path: _reads(path.parent)),
    "table of own ids": ("ids.csv", lambda path: OWN_IDS.read(path.parent)),
    "saliency cache": ("x.txt", lambda path: SaliencyMaps(path.parent, {}, (46, 30), "").missing()),
}
"""Readers that take it for a missing file."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READERS)
def test_what_is_not_a_file_is_rejected_at_once(name: str, kind: str, tmp_path: Path) -> None:
    file, read = READERS[name]
    KINDS[kind](tmp_path / file)
    with ends_within(SECONDS), pytest.raises((MammoError, RejectedError)) as caught:
        read(tmp_path / file)
    if caught.type is MammoError:
        checked_sentence(str(caught.value))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MISSING)
def test_or_it_is_missing(name: str, kind: str, tmp_path: Path) -> None:
    file, read = MISSING[name]
    KINDS[kind](tmp_path / file)
    with ends_within(SECONDS):
        assert not read(tmp_path / file)


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", ["images.parquet", "lesions.parquet", "store.json"])
def test_a_store_s_own_files_too(name: str, kind: str, small_root: Path, tmp_path: Path) -> None:
    store = shutil.copytree(small_root / "store", tmp_path / "store")
    (store / name).unlink()
    KINDS[kind](store / name)
    with ends_within(SECONDS), pytest.raises(MammoError, match=name.replace(".", r"\.") + "|no store at"):
        Manifest.load(store)


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_store_s_pixels_too(kind: str, small_root: Path, tmp_path: Path) -> None:
    store = shutil.copytree(small_root / "store", tmp_path / "store")
    for tiles in (store / "images").glob("*.tiles"):
        tiles.unlink()
        KINDS[kind](tiles)
    with ends_within(SECONDS), pytest.raises(MammoError):
        open_store(store).images[0].pixels()


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_log_of_rejections_too(kind: str, tmp_path: Path) -> None:
    KINDS[kind](tmp_path / ".rejections")
    with ends_within(SECONDS), pytest.raises(MammoError, match="not a regular file"):
        RejectionLog(tmp_path).read()


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_list_of_series_too(kind: str, tmp_path: Path) -> None:
    KINDS[kind](tmp_path / "metadata.csv")
    series = SeriesIndex(Folder(tmp_path))
    if kind == "folder":
        assert series.folders == {}
        return
    with ends_within(SECONDS), pytest.raises(MammoError, match="not a regular file"):
        series.folders  # noqa: B018


@pytest.mark.parametrize("kind", KINDS)
def test_cached_embeddings_that_are_not_a_file_are_missing(kind: str, tmp_path: Path) -> None:
    class Named(Plan):
        def digest(self) -> str:
            return "0"

    plan = Named.__new__(Named)
    cache = Embeddings(tmp_path, "32-true")
    KINDS[kind](tmp_path / f"{cache.digest(plan)[:16]}.npz")
    with ends_within(SECONDS):
        assert not cache.has(plan)


@pytest.mark.parametrize("kind", KINDS)
def test_an_experiment_that_is_not_a_file_does_not_exist(
    kind: str, small_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    KINDS[kind](tmp_path / "conf" / "experiment" / "x.yaml")
    with ends_within(20):
        words = [f"--config-dir={tmp_path / 'conf'}", "experiment=x", f"root={small_root}", "model=floc"]
        assert "experiment/x" in command_rejection(train_command, words, capsys)


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_mask_of_an_own_folder_that_is_not_a_file_is_named(
    kind: str, small_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    KINDS[kind](source / "a.dcm")
    KINDS[kind](source / "m.png")
    shutil.copy(next((small_root / "dicom").rglob("*.dcm")), source / "b.dcm")
    rows = "image,label,mask,patient\na.dcm,malignant,m.png,1\nb.dcm,benign,m.png,2\n"
    (source / "lesions.csv").write_text(rows)
    words = [f"root={tmp_path / 'root'}", "data=table", f"data.source={source}", "frame=eighth", "processes=1"]
    with ends_within(60):
        assert "not a regular file" in command_rejection(ingest_command, words, capsys)
