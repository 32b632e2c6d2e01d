"""A command opens, or says in one sentence why not; only a defect shows a traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from hydra.errors import InstantiationException
from omegaconf import DictConfig

from mammo.cli import hydra_app as door
from mammo.records import MammoError

Run = Callable[..., tuple[int, str]]
UNKNOWN = "error: nosuchkey is not a key of this command's configuration: --help shows them all\n"


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small configuration tree of one command, bake, with a group of two choices."""
    tree = tmp_path / "conf"
    (tree / "bread").mkdir(parents=True)
    (tree / "bread" / "rye.yaml").write_text("flour: rye\n")
    (tree / "bread" / "wheat.yaml").write_text("flour: wheat\n")
    (tree / "bake.yaml").write_text(
        "defaults: [_self_, bread: rye, override hydra/job_logging: none, override hydra/hydra_logging: none]\n"
        "oven: 200\nloaves: ???\nhydra: {run: {dir: .}, output_subdir: null}\n"
    )
    monkeypatch.setattr(door, "CONF", tree)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # put back afterwards what a command sets
    return tree


@pytest.fixture
def bake(conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a task as the command bake; its exit status and what it said on standard error."""

    def run(task: Callable[[DictConfig], object], *overrides: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["bake", *overrides])
        status = 0
        try:
            door.command("bake")(task)()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        return status, capsys.readouterr().err

    return run


def test_task_gets_its_composed_configuration(bake: Run) -> None:
    seen: list[tuple[int, str]] = []
    assert bake(lambda cfg: seen.append((cfg.oven, cfg.bread.flour)), "oven=230", "bread=wheat") == (0, "")
    assert seen == [(230, "wheat")]


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("ovn=230",), "error: ovn is not a key"),
        (("+ovn=230",), "error: +ovn=230: ovn cannot be added"),
        (("++bread.flower=rye",), "bread.flower cannot be added"),
        (("--multirun", "+ovn=230,240"), "ovn cannot be added"),
        (("bread=[rye,[wheat]]",), "in brackets go names, as in 'maps=[emb,sal]' (given: bread=[rye,[wheat]])"),
        (("bread=barley",), "bread/barley does not exist: choose from rye, wheat"),
        (("bread.flower=rye",), "bread.flower is not a key"),
        (("oven",), "'oven'"),
        (("oven=[1,",), "oven=[1,"),
        (("~nothing",), "nothing"),
        (("bread=null",), "null is no choice: name one or leave the key out (given: bread=null)"),
        (("bread=[rye,barley]",), "bread/barley does not exist: --help shows what can be chosen"),
        (("cheese=gouda",), "cheese is not a key"),
        (("bread=rye,wheat",), "bread=rye,wheat"),
        (("--multirun", "bread=rye,barley"), "bread/barley"),
        ((), "error: loaves is needed here and has no value: give one, as in loaves=..."),
        (("loaves=${nowhere}",), "nowhere"),
    ],
)
def test_wrong_use_is_one_sentence(overrides: tuple[str, ...], named: str, bake: Run) -> None:
    status, said = bake(lambda cfg: cfg.loaves, *overrides)
    assert status == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert named in said
    assert "Traceback" not in said


def test_a_key_may_be_added_where_what_lies_there_is_handed_on(bake: Run, conf: Path) -> None:
    (conf / "bake.yaml").write_text((conf / "bake.yaml").read_text() + "trainer: {}\n")
    seen: list[bool] = []
    assert bake(lambda cfg: seen.append(cfg.trainer.deterministic), "+trainer.deterministic=true") == (0, "")
    assert seen == [True]


def test_wrong_input_is_one_sentence(bake: Run) -> None:
    def task(cfg: DictConfig) -> None:
        raise MammoError(f"oven={cfg.oven} is too hot: give at most 250")

    assert bake(task, "oven=900") == (2, "error: oven=900 is too hot: give at most 250\n")


def test_wrong_input_found_while_building_is_one_sentence(bake: Run) -> None:
    """Hydra wraps what a constructor raises; the constructor's own sentence is what helps."""

    def task(cfg: DictConfig) -> None:
        try:
            raise MammoError("too hot")
        except MammoError as error:
            raise InstantiationException("Error in call to target") from error

    assert bake(task) == (2, "error: too hot\n")


def test_wrong_input_is_told_under_multirun_too(bake: Run) -> None:
    def task(cfg: DictConfig) -> None:
        if cfg.oven == 900:
            raise MammoError("too hot")

    status, said = bake(task, "--multirun", "oven=200,900", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=each")
    assert status == 2
    assert "error: too hot\n" in said


@pytest.mark.parametrize("flag", ["--multirun", "-m"])
def test_a_sweep_may_be_asked_for_between_overrides(flag: str, bake: Run) -> None:
    seen: list[tuple[int, str]] = []
    words = ("loaves=2", flag, "oven=200,210", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=each")
    assert bake(lambda cfg: seen.append((cfg.loaves, cfg.oven)), *words) == (0, "")
    assert seen == [(2, 200), (2, 210)]


def test_stopping_by_hand_is_quiet(bake: Run) -> None:
    def task(cfg: DictConfig) -> None:
        raise KeyboardInterrupt

    assert bake(task) == (130, "")


def test_a_defect_keeps_its_traceback(bake: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        bake(lambda cfg: cfg.oven / 0)
    with pytest.raises(ValueError, match="invalid literal"):
        bake(lambda cfg: int(cfg.bread.flour))


def test_configuration_that_is_no_yaml_is_told(bake: Run, conf: Path) -> None:
    (conf / "bread" / "rye.yaml").write_text("flour: [rye\n")
    status, said = bake(lambda cfg: cfg)
    assert status == 2
    assert "rye.yaml" in said


@pytest.mark.parametrize("name", sorted(path.stem for path in door.CONF.glob("*.yaml")))
def test_every_primary_configuration_has_its_door(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr("sys.argv", [name, "nosuchkey=1"])
    with pytest.raises(SystemExit) as stop:
        import_module(f"mammo.{name}").main()
    assert stop.value.code == 2
    assert capsys.readouterr().err == UNKNOWN
    assert not list(tmp_path.iterdir())


def test_a_real_process_says_one_sentence_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mammo.ingest", "nosuchkey=1"]
    surroundings = os.environ | {"PYTHONPATH": str(door.CONF.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == UNKNOWN
