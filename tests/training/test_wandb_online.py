"""A dashboard that cannot be reached, is lost on the way or never answers: the run goes on, with the same result."""

import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from mammo.train import main
from mammo.training.results import read_run
from mammo.training.run_dir import RunDir
from mammo.training.wandb_logging import TAGS, PrivateWandbLogger, closed_dashboard
from tests.quick_training import QUICK
from tests.training.dashboard_server import serving

WORDS = ("model=floc", "backbone=small", "batch_size=10", "windows_per_lesion={val: 3, test: 3}", *QUICK)
TIMEOUT_S = 1.0
ONLINE = ("logger=wandb", "logger.wandb.offline=false", f"logger.wandb.timeout_s={TIMEOUT_S}")


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has not used wandb before, with a key."""
    wandb = pytest.importorskip("wandb")
    wandb.teardown()
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    yield
    wandb.teardown()


@contextmanager
def refused() -> Iterator[str]:
    """A port without a listener."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def unknown() -> Iterator[str]:
    """A host that no name server knows."""
    yield "http://wandb.invalid"


@contextmanager
def rejecting() -> Iterator[str]:
    """A server that does not take the key."""
    with serving(status=401) as server:
        yield server.url


@contextmanager
def lost() -> Iterator[str]:
    """A server that breaks off after the run's start."""
    with serving(n_answers=2) as server:
        yield server.url


def train(root: Path, store: Path, *words: str) -> Path:
    """The folder of a run of this command line, in a root of its own."""
    shutil.copytree(store, root / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["train", *WORDS, *words, f"root={root}"])
        main()
    (folder,) = root.glob("runs/floc-*")
    return folder


@pytest.fixture(scope="module")
def plain(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run without a dashboard."""
    return train(tmp_path_factory.mktemp("plain"), small_root / "store")


def check_same_result(run: Path, plain: Path) -> None:
    """Check that two runs have the same weights and the same scores."""
    assert run.name == plain.name
    assert read_run(run).test_auc == read_run(plain).test_auc
    assert (run / "lesions.parquet").read_bytes() == (plain / "lesions.parquet").read_bytes()
    one, other = (torch.load(each / "best.ckpt", weights_only=True)["state_dict"] for each in (run, plain))
    assert all(torch.equal(one[name], other[name]) for name in other)


@pytest.mark.parametrize("server", [refused, silent, pytest.param(unknown, marks=pytest.mark.slow), rejecting])
def test_a_run_whose_dashboard_cannot_be_opened_goes_on_offline(
    server: object,
    plain: Path,
    small_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    started = time.monotonic()
    with server() as url:  # type: ignore[operator]
        monkeypatch.setenv("WANDB_BASE_URL", url)
        run = train(tmp_path, small_root / "store", *ONLINE)
    assert time.monotonic() - started < 60
    check_same_result(run, plain)
    printed = "".join(capfd.readouterr())
    assert printed.count("the dashboard cannot be opened (") == 1
    assert "wandb:" not in printed
    (folder,) = run.glob("wandb/*run-*")
    assert folder.name.startswith("offline-run-")
    assert f"wandb sync {folder}" in printed


@pytest.mark.slow
def test_a_run_that_loses_its_dashboard_goes_on_and_names_the_command_that_uploads_it(
    plain: Path, small_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with lost() as url:
        monkeypatch.setenv("WANDB_BASE_URL", url)
        run = train(tmp_path, small_root / "store", *ONLINE)
    check_same_result(run, plain)
    printed = "".join(capfd.readouterr())
    assert printed.count("the dashboard is not complete (") == 1
    command = re.findall(r"this uploads it: wandb sync (.*)", printed)
    (folder,) = run.glob("wandb/run-*")
    assert [Path(each).resolve() for each in command] == [folder.resolve()]
    assert list(folder.glob("*.wandb"))


def test_a_run_is_logged_online_where_the_server_answers(
    plain: Path, small_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        check_same_result(train(tmp_path, small_root / "store", *ONLINE), plain)
    assert any(path.endswith("/file_stream") for path in server.paths)
    assert "otel" not in "".join(server.paths)


def logger_of(folder: Path) -> PrivateWandbLogger:
    run = RunDir(folder, "floc-s0", "0123456789abcdef", {})
    return PrivateWandbLogger(run, "runs", {"model": "floc", **dict.fromkeys(TAGS, "")}, offline=True)


def test_an_offline_run_sends_nothing_to_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        with closed_dashboard():
            logger_of(tmp_path).log_metrics({"train_loss": 1.0}, 1)
        sys.modules["wandb"].teardown()
    assert server.paths == []


def test_a_run_goes_on_where_wandbs_process_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with closed_dashboard():
        logger = logger_of(tmp_path)
        logger.log_metrics({"train_loss": 1.0}, 1)
        tasks = Path("/proc/self/task").glob("*/children")
        children = [int(number) for each in tasks for number in each.read_text().split()]
        (core,) = [number for number in children if "wandb-core" in Path(f"/proc/{number}/cmdline").read_text()]
        os.kill(core, signal.SIGKILL)
        os.waitpid(core, 0)
        for step in range(2, 5):
            logger.log_metrics({"train_loss": 1.0}, step)
        logger.log_hyperparams({"lr": 1.0})
    printed = capfd.readouterr().out
    assert printed.count("wandb does not answer (") == 1
    assert printed.count("wandb sync") == 1
    with closed_dashboard():
        logger_of(tmp_path / "next").log_metrics({"train_loss": 1.0}, 1)
    assert list(tmp_path.glob("next/wandb/offline-run-*/*.wandb"))


@pytest.mark.parametrize("key", ["", "short"])
def test_a_missing_or_malformed_key_is_an_error_before_the_training(
    key: str, small_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", key)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(SystemExit) as left:
        train(tmp_path, small_root / "store", *ONLINE)
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: logger.wandb.offline=false: ")
    assert "set WANDB_API_KEY, or give logger.wandb.offline=true" in error
