"""A command runs, or says in one sentence why not; only a defect shows a traceback."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

from mammo.cli import hydra_app
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
    monkeypatch.setattr(hydra_app, "CONF", tree)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # put back afterwards what a command sets
    return tree


@pytest.fixture
def bake(conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a task as the command bake; its exit status and standard error."""

    def run(
        task: Callable[[DictConfig], object],
        *overrides: str,
        check: Callable[[DictConfig], object] = lambda cfg: None,
    ) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["bake", *overrides])
        status = 0
        try:
            hydra_app.command("bake", check=check)(task)()
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
        (("ovn=230",), "error: ovn is not a key of this command's configuration (did you mean oven?): --help"),
        (("+ovn=230",), "error: +ovn=230: ovn cannot be added"),
        (("++bread.flower=rye",), "bread.flower cannot be added"),
        (("--multirun", "+ovn=230,240"), "ovn cannot be added"),
        (("bread=[rye,[wheat]]",), "brackets hold names only, as in 'maps=[emb,sal]' (given: bread=[rye,[wheat]])"),
        (("bread=barley",), "bread/barley does not exist: choose from rye, wheat"),
        (("bread=weat",), "bread/weat does not exist (did you mean wheat?): choose from rye, wheat"),
        (
            ("bread.flower=rye",),
            "bread.flower is not a key of this command's configuration (did you mean bread.flour?)",
        ),
        (("oven",), "'oven'"),
        (("oven=[1,",), "oven=[1,"),
        (("~nothing",), "nothing is not a key"),
        (("~bred",), "bred is not a key of this command's configuration (did you mean bread?)"),
        (
            ("bread=null",),
            "a choice is a name, not null, true or a number: name one or leave the key out (given: bread=null)",
        ),
        (("bread=[rye,barley]",), "bread/barley does not exist: choose from rye, wheat"),
        (("cheese=gouda",), "cheese is not a key"),
        (("bread=rye,wheat",), "bread=rye,wheat"),
        (("--multirun", "bread=rye,barley"), "bread/barley"),
        ((), "error: loaves is needed here and has no value: give one, as in loaves=..."),
        (("loaves=${nowhere}",), "nowhere"),
    ],
)
def test_wrong_use_is_one_sentence(overrides: tuple[str, ...], named: str, bake: Run) -> None:
    status, printed = bake(lambda cfg: cfg.loaves, *overrides)
    assert status == 2
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert named in printed
    assert "Traceback" not in printed


def test_a_key_may_be_added_where_all_keys_are_passed_on(bake: Run, conf: Path) -> None:
    (conf / "bake.yaml").write_text((conf / "bake.yaml").read_text() + "trainer: {}\n")
    seen: list[bool] = []
    assert bake(lambda cfg: seen.append(cfg.trainer.deterministic), "+trainer.deterministic=true") == (0, "")
    assert seen == [True]


def test_wrong_input_is_one_sentence(bake: Run) -> None:
    def task(cfg: DictConfig) -> None:
        raise MammoError(f"oven={cfg.oven} is too hot: give at most 250")

    assert bake(task, "oven=900") == (2, "error: oven=900 is too hot: give at most 250\n")


def test_wrong_input_found_while_building_is_one_sentence(bake: Run) -> None:
    """Hydra wraps what a constructor raises; the constructor's own sentence is the useful one."""

    def task(cfg: DictConfig) -> None:
        try:
            raise MammoError("too hot")
        except MammoError as error:
            raise InstantiationException("Error in call to target") from error

    assert bake(task) == (2, "error: too hot\n")


def test_wrong_input_is_reported_under_multirun_too(bake: Run) -> None:
    def task(cfg: DictConfig) -> None:
        if cfg.oven == 900:
            raise MammoError("too hot")

    status, printed = bake(task, "--multirun", "oven=200,900", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=each")
    assert status == 2
    assert "error: too hot\n" in printed


@pytest.mark.parametrize("flag", ["--multirun", "-m"])
def test_the_flag_of_a_sweep_may_stand_between_overrides(flag: str, bake: Run) -> None:
    seen: list[tuple[int, str]] = []
    words = ("loaves=2", flag, "oven=200,210", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=each")
    assert bake(lambda cfg: seen.append((cfg.loaves, cfg.oven)), *words) == (0, "")
    assert seen == [(2, 200), (2, 210)]


def test_an_interruption_reaches_the_process(bake: Run) -> None:
    def task(cfg: DictConfig) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # mammo.cli.commands.run ends quietly
        bake(task)


def test_a_defect_keeps_its_traceback(bake: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        bake(lambda cfg: cfg.oven / 0)
    with pytest.raises(ValueError, match="invalid literal"):
        bake(lambda cfg: int(cfg.bread.flour))


def test_a_configuration_that_is_no_yaml_is_named(bake: Run, conf: Path) -> None:
    (conf / "bread" / "rye.yaml").write_text("flour: [rye\n")
    status, printed = bake(lambda cfg: cfg)
    assert status == 2
    assert "rye.yaml" in printed


def test_a_check_runs_before_anything_is_made_and_in_every_job(bake: Run, tmp_path: Path) -> None:
    def check(cfg: DictConfig) -> None:
        if cfg.oven > 250:
            raise MammoError(f"oven={cfg.oven} is too hot")

    before = sorted(tmp_path.rglob("*"))
    words = ("oven=900", "hydra.run.dir=new")
    assert bake(lambda cfg: None, *words, check=check) == (2, "error: oven=900 is too hot\n")
    assert sorted(tmp_path.rglob("*")) == before
    sweep = ("--multirun", "oven=900", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=each", "hydra.sweeper.params=null")
    assert bake(lambda cfg: None, *sweep, check=check) == (2, "error: oven=900 is too hot\n")
    seen: list[int] = []
    status, printed = bake(lambda cfg: seen.append(cfg.oven), "-m", "oven=200,900", *sweep[2:], check=check)
    assert (status, seen) == (2, [200])
    assert "error: oven=900 is too hot\n" in printed


def test_a_check_of_a_missing_value_names_it(bake: Run, tmp_path: Path) -> None:
    status, printed = bake(lambda cfg: None, "hydra.run.dir=new", check=lambda cfg: cfg.loaves)
    assert (status, printed) == (2, "error: loaves is needed here and has no value: give one, as in loaves=...\n")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "out/x"), "out/x cannot be used (Permission denied): give"),
        (OSError(errno.ENOSPC, "No space left on device", "out"), "out cannot be written (No space left on device)"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/b"), "a/b cannot be used (Not a directory)"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_sentence(error: OSError, expected: str, bake: Run) -> None:
    def task(cfg: DictConfig) -> None:
        raise error

    status, printed = bake(task)
    assert status == 2
    assert printed.startswith(f"error: {expected}")
    assert printed.count("\n") == 1


def test_a_missing_file_of_the_program_is_a_defect(bake: Run) -> None:
    def task(cfg: DictConfig) -> None:
        Path("nowhere").read_text()

    with pytest.raises(FileNotFoundError):
        bake(task)


def test_a_run_folder_below_a_file_is_one_sentence(bake: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, printed = bake(lambda cfg: None, "hydra.run.dir=file/x")
    assert status == 2
    assert "file/x cannot be used (Not a directory)" in printed


def rye_of_a_store(cfg: DictConfig) -> list[str]:
    """What is missing, from a store whose folder is named after the oven's temperature."""
    if not Path(cfg.store).is_dir():
        raise MammoError(f"no store at {cfg.store}")
    chosen = ["bread=wheat"] if cfg.hydra.runtime.choices.bread == "rye" else []
    return chosen + ([f"oven={Path(cfg.store).name}"] if OmegaConf.is_missing(cfg, "oven") else [])


@pytest.fixture
def bakery(conf: Path) -> Path:
    """The command bake with a missing oven that its store, here or in other/, knows."""
    text = (
        (conf / "bake.yaml").read_text().replace("oven: 200\nloaves: ???", "root: here\nstore: ${root}/210\noven: ???")
    )
    (conf / "bake.yaml").write_text(text.replace("bread: rye", "bread: rye, experiment: null"))
    (conf / "experiment").mkdir()
    (conf / "experiment" / "cold.yaml").write_text("# @package _global_\nroot: other\nstore: ${root}/190\n")
    (conf / "experiment" / "swept.yaml").write_text("# @package _global_\nhydra: {sweeper: {params: {oven: '1,2'}}}\n")
    for folder in ("here/210", "other/190", "other/210"):
        (conf.parent / folder).mkdir(parents=True)
    return conf


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", "bread=wheat oven=210"),
        ("-m", "-m bread=wheat oven=210"),
        ("--cfg job root=other", "--cfg job bread=wheat oven=210 root=other"),
        ("root=other --cfg job", "bread=wheat oven=210 root=other --cfg job"),
        ("store=other/190", "bread=wheat oven=190 store=other/190"),
        ("oven=5", "bread=wheat oven=5"),
        ("bread=wheat", "oven=210 bread=wheat"),
        ("experiment=cold", "bread=wheat oven=190 experiment=cold"),
        ("-m oven=1,2", "-m bread=wheat oven=1,2"),
        ("-m bread=rye,wheat", "-m oven=210 bread=rye,wheat"),
        ("-m root=here,other", "-m bread=wheat oven=210 root=here,other"),
        ("-m experiment=swept", "-m bread=wheat experiment=swept"),
        ("--help", "--help"),
        ("root=nowhere --cfg job", "root=nowhere --cfg job"),
    ],
)
def test_what_is_missing_comes_before_the_users_overrides(words: str, expected: str, bakery: Path) -> None:
    assert hydra_app.completed("bake", words.split(), rye_of_a_store) == expected.split()


def test_a_configuration_folder_of_the_users_own_is_searched(bakery: Path, tmp_path: Path) -> None:
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    (tmp_path / "own" / "experiment" / "mine.yaml").write_text("# @package _global_\nstore: other/190\n")
    words = ["--config-dir", "own", "experiment=mine"]
    assert "oven=190" in hydra_app.completed("bake", words, rye_of_a_store)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("root=nowhere", "^no store at nowhere/210$"),
        ("root=nowhere --cfg job --resolve", "^no store at nowhere/210$"),
        (
            "-m store=other/190,here/210",
            "^other/190 and here/210 differ .*oven=190; .*oven=210.*: give one command for",
        ),
    ],
)
def test_a_store_that_cannot_complete_is_an_error(words: str, message: str, bakery: Path) -> None:
    with pytest.raises(MammoError, match=message):
        hydra_app.completed("bake", words.split(), rye_of_a_store)


def test_every_job_of_a_sweep_has_what_was_missing_and_the_users_command_line(
    bakery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [
        "root=other",
        "--multirun",
        "store=other/190,${root}/190",
        "hydra.sweep.dir=sweep",
        "hydra.sweep.subdir=each",
    ]
    monkeypatch.setattr("sys.argv", ["bake", *words])
    seen: list[tuple[int, str, list[str]]] = []
    task = hydra_app.command("bake", rye_of_a_store)
    task(lambda cfg: seen.append((cfg.oven, cfg.bread.flour, sys.argv[1:])))()
    assert seen == [(190, "wheat", ["--multirun", *words[:1], *words[2:]])] * 2


@pytest.mark.parametrize("name", sorted(path.stem for path in hydra_app.CONF.glob("*.yaml")))
def test_every_primary_configuration_has_its_command(
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


def test_a_real_process_prints_one_sentence_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mammo.ingest", "nosuchkey=1"]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join([str(hydra_app.CONF.parent), os.environ["PYTHONPATH"]])}
    done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == UNKNOWN
