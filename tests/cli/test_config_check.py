"""A command line reaches Hydra as it was typed; a wrong value is one sentence with key, value and remedy."""

import unicodedata
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo.cli.config_check import as_typed, check_config, check_deleted, forced, parsed, undeclared
from mammo.cli.hydra_app import CONF, composed
from mammo.cli.keys import KEYS
from mammo.cli.value_types import ValueType, folder, listed, whole, word
from mammo.records import MammoError

CASES = {
    "phantom": [
        ("root=", "root=: give a folder of this machine, as in root=runs/mine"),
        ("root=null", "root=null: give a folder"),
        ("root=[a,b]", "root=[a,b]: give a folder"),
        ("root=https://host/x", "root=https://host/x (an address: download it first): give a folder of this machine"),
        ("root=~nobodyatall/x", "root=~nobodyatall/x (write the home folder out): give a folder"),
        ("root=a_file/x", "root=a_file/x (a_file is a file): give a folder"),
        ("seed=abc", "seed=abc: give a whole number of at least 0, as in seed=1"),
        ("scale=7", "scale must be in [0.125, 1]"),
        ("mix.benign=0.9", "mix must be three shares >= 0 that sum to 1"),
        ("processes=two", "processes=two: give a whole number of at least 1 and at most 1024, or null"),
        ("processes=0", "processes=0: give a whole number of at least 1"),
        ("processes=-1", "processes=-1: give a whole number of at least 1"),
        ("n_patients=1e18", "n_patients=1e+18: give a whole number"),
        ("dials=7", "dials=7: dials holds other keys: set those, as in dials.local=..."),
        ("mix=null", "mix=null: mix holds other keys: set those, as in mix.negative=..."),
        ("~seed", "~seed: seed cannot be left out, only changed, as in seed=..."),
        ("~dials.local", "~dials.local: dials.local cannot be left out"),
    ],
    "ingest": [
        ("allow=implant", "allow=implant: give a list of flags, as in allow=[implant]"),
        ("allow=[implnt]", "allow=[implnt]: implnt is not a flag (did you mean implant?): choose from blank, "),
        ("allow=[3]", "allow=[3], where 3 is wrong: give a list"),
        ("data.scale=-1", "data.scale=-1: give a number from 0.01 to 16 or auto, as in data.scale=0.125"),
        ("data.scale=0", "data.scale=0: give a number from 0.01"),
        ("data.scale=inf", "data.scale=inf: give a number from 0.01"),
        ("data.source=[a,b]", "data.source=[a,b]: give the path of a folder, as in data.source=FOLDER"),
        ("data.source=2024", "data.source=2024 is not a folder"),
        ("data.source=http://host/x", "data.source=http://host/x (an address: download it first)"),
        ("data.adapter=tabel", "data.adapter=tabel is unknown (did you mean table?): choose one of "),
        ("shards=abc", "shards=abc: give a whole number of at least 1"),
        ("shards=0", "shards=0: give a whole number of at least 1"),
        ("shard=99", "shard=99: give a whole number from 0 to 63, because shards=64"),
        ("shard=-1", "shard=-1: give a whole number of at least 0, or null"),
        ("frame.cell_px=7", "frame.cell_px=7 does not divide frame.height=368 and frame.width=240"),
        ("frame.crops=null", "frame.crops=null: frame.crops holds other keys"),
        ("--multirun shard=0,-1", "shard=-1: give a whole number"),
    ],
    "split": [
        ("official=maybe", "official=maybe: give true or false"),
        ("official=1", "official=1: give true or false"),
        ("fractions=[a,b,c]", "fractions=[a,b,c]: give a list of 3 numbers (training, validation, test) of at least 0"),
        ("fractions=null", "fractions=null: give a list of 3 numbers"),
        ("fractions=[0.5,0.5]", "fractions=[0.5,0.5]: give a list of 3 numbers"),
        ("fractions=[0.5,0.6,0.1]", "that sum to 1, as in fractions=[0.8,0.1,0.1]"),
        ("fractions=[1.5,-0.5,0]", "fractions=[1.5,-0.5,0]: give a list"),
        ("store=7", "no store at 7: "),
        ("folds=2", "folds=2: give a whole number of at least 3, or null"),
        ("folds=true", "folds=true: give a whole number of at least 3"),
        ("seed=4294967296", "seed=4294967296: give a whole number of at least 0 and at most 4294967295"),
        ("root='' seed=x official=no", "root=: give a folder of this machine, as in root=runs/mine; seed=x: give"),
    ],
    "score": [
        ("n_windows=0", "n_windows=0: give a whole number of at least 1 and at most 100000, as in n_windows=2"),
        ("n_pictures=-1", "n_pictures=-1: give a whole number of at least 0"),
        ("run=[a]", "run=[a]: give the folder of a finished run, or null, as in run="),
        ("allow_targets=mine", "allow_targets=mine: give the names of packages, as in allow_targets=[my_package]"),
    ],
    "precompute": [
        ("what=embedings", "what=embedings (did you mean embeddings?): choose from embeddings, saliency"),
        ("what=saliency shard=1", "shard=1: give a whole number from 0 to 0, because shards=1"),
        ("what=saliency trainer.precision=[1]", "trainer.precision=[1]: give a word"),
    ],
    "train": [
        ("trainer.limit_val_batches=0", "trainer.limit_val_batches=0: the best checkpoint is selected by validation"),
        ("trainer.limit_train_batches=0.0", "trainer.limit_train_batches=0: nothing would be trained"),
        ("trainer.limit_test_batches=0", "to leave it out give test=false"),
        ("trainer.check_val_every_n_epoch=200", "no epoch would be validated"),
        ("trainer.check_val_every_n_epoch=0", "trainer.check_val_every_n_epoch=0: give a whole number of at least 1"),
        ("trainer.barebones=true", "trainer.barebones=true: a run needs its checkpoints"),
        ("trainer.enable_checkpointing=false", "trainer.enable_checkpointing=false: a run needs its checkpoints"),
        ("quota={malignant: 0, benign: 0, outside: 0, negative: 0}", "quota: all four numbers are 0"),
        ("group=a/b", "group=a/b: give the name of a folder, as in group=runs"),
        ("logger=wandb logger.wandb.offline=maybe", "logger.wandb.offline=maybe: give true or false"),
        ("trainer.profiler={a: 1}", "trainer.profiler={a: 1}: give simple, advanced, pytorch or a class with its arg"),
        ("trainer.strategy={a: 1}", "trainer.strategy={a: 1}: give a word or a class with its arguments in braces"),
        ("trainer.plugins=[a]", "trainer.plugins=[a], where a is wrong: give a list of values, each a class with its"),
        ("trainer.max_time={a: 1}", "or numbers of weeks, days, hours, minutes, seconds in braces"),
        (
            "model=context frame=eighth gmic.region_cells=31",
            "31 x 31 cells does not fit into the window of 46 x 30 cells; give at m",
        ),
        ("model=context gmic.attention=20241128", "a whole number of at least 1 and at most 10000"),
        ("fold=-1", "fold=-1: give a whole number of at least 0, or null"),
        ("fold=a", "fold=a: give a whole number"),
        ("pairing=al", "pairing=al (did you mean all?): choose from fagg, all"),
        ("--multirun seed=0,x", "seed=x: give a whole number"),
    ],
    "demo": [
        ("seed=-1", "seed=-1: give a whole number"),
        ("n_patients=few", "n_patients=few: give a whole number"),
    ],
}

TYPES: dict[str, ValueType] = {"root": folder(), "group": word("x"), "n": whole(0), "allow": listed(word("x"), "[x]")}


def words_of(text: str) -> list[str]:
    """The words of a command line, with those in braces in one piece."""
    return [text] if "{" in text else text.split()


def as_found(text: str) -> str:
    (word,) = as_typed([f"root={text}"], KEYS["phantom"])
    value = parsed([word])[0].value()
    assert isinstance(value, str)
    return value


@pytest.mark.parametrize(
    ("given_word", "expected"),
    [
        ("root=2024_11_28", "root='2024_11_28'"),
        ("++root=7", "++root='7'"),
        ("group=007", "group='007'"),
        ("root= a b ", "root='a b'"),
        ("root=a=b", "root='a=b'"),
        ("root=a,1_0", "root='a','1_0'"),
        ("root='a,b'", "root='a,b'"),
        ('root="it\'s"', "root='it\\'s'"),
        ("root='a','b'", "root='a','b'"),
        ("root=null", "root=null"),
        ("root=", "root="),
        ("root=[a,b]", "root=[a,b]"),
        ("root={a: 1}", "root={a: 1}"),
        ("root=${store}/x", "root=${store}/x"),
        ("root=choice(a,b)", "root=choice(a,b)"),
        ("root=draft(1)", "root='draft(1)'"),
        ("n=1_0", "n=1_0"),
        ("allow=[1]", "allow=[1]"),
        ("~root", "~root"),
        ("root", "root"),
        ("--config-name=x", "--config-name=x"),
        ("-m", "-m"),
    ],
)
def test_names_and_paths_are_quoted(given_word: str, expected: str) -> None:
    assert as_typed([given_word], TYPES) == [expected]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12))
def test_any_other_text_is_what_was_typed(text: str) -> None:
    if text[0] in "[{'\"~" or "," in text or "${" in text or "???" in text or text == "null":
        return
    (word,) = as_typed([f"group={text}"], TYPES)
    (override,) = parsed([word])
    assert override.value() == text


def test_quoting_twice_changes_nothing() -> None:
    words = as_typed(["root=it's 7%, (b)", "group='x y'"], TYPES)
    assert as_typed(words, TYPES) == words


def test_a_needed_key_cannot_be_left_out() -> None:
    for wrong in ("~root", "~n=1", "~root=x"):
        with pytest.raises(MammoError, match="cannot be left out, only changed"):
            check_deleted([wrong], TYPES)
    check_deleted(["~hydra/launcher", "~unknown", "root=x"], TYPES)


def test_a_key_can_be_added_only_where_keys_are_passed_on() -> None:
    assert forced(["+trainer.x=1", "++model.y=2", "root=a"]) == ["++trainer.x=1", "++model.y=2", "root=a"]
    with pytest.raises(MammoError, match=r"^\+n=1: n cannot be added"):
        forced(["+n=1"])


@pytest.mark.parametrize(
    ("name", "text", "message"), [(name, *case) for name, cases in CASES.items() for case in cases]
)
def test_a_wrong_value_is_one_sentence_and_leaves_nothing(
    name: str,
    text: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    (tmp_path / "a_file").touch()
    if name == "ingest" and not text.startswith("data.source"):
        (tmp_path / "source").mkdir()
        text += " data.source=source"
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr("sys.argv", [name, *words_of(text)])
    with pytest.raises(SystemExit) as stop:
        import_module(f"mammo.{name}").main()
    printed = capsys.readouterr().err
    assert stop.value.code == 2
    assert message in printed
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("typed", "folder"),
    [
        ("2024_11_28", "2024_11_28"),
        ("2024", "2024"),
        ("1e3", "1e3"),
        ("0x10", "0x10"),
        ("true", "true"),
        ("no", "no"),
        ("a=b", "a=b"),
        ("a(1)", "a(1)"),
        ("a::b", "a::b"),
        ("with two blanks", "with two blanks"),
        ("it's", "it's"),
        ("Übung/äöü", "Übung/äöü"),
        ('"quoted, with comma"', "quoted, with comma"),
        ("~/home", "HOME/home"),
        ("back\\slash", "back\\slash"),
        ("a:b", "a:b"),
        ("-1", "-1"),
    ],
)
def test_a_path_is_the_text_that_was_typed(
    typed: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "HOME"))
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(
        "mammo.phantoms.cohort.write_cohort", lambda spec, out, processes: out.mkdir(parents=True) or spec
    )
    monkeypatch.setattr("sys.argv", ["phantom", f"root={typed}"])
    with pytest.raises(AttributeError, match="n_images"):  # of the summary, which the replaced function has not
        import_module("mammo.phantom").main()
    assert (tmp_path / folder / "dicom").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == [Path(folder).parts[0]]


@pytest.mark.parametrize(("there", "typed"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_folder_is_found_in_either_form_of_unicode(
    there: str, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unicodedata.normalize(there, "Übung")  # type: ignore[arg-type]
    (tmp_path / name / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    found = as_found(unicodedata.normalize(typed, "Übung") + "/inner/new")  # type: ignore[arg-type]
    assert found == f"{name}/inner/new"


@pytest.mark.parametrize("name", sorted(path.stem for path in CONF.glob("*.yaml")))
def test_every_key_of_every_command_is_declared(name: str) -> None:
    words: list[list[str]] = [[]]
    if name in ("train", "precompute"):
        for group in ("model", "frame", "trainer", "context"):
            words += [[f"{group}={path.stem}"] for path in (CONF / group).glob("*.yaml")]
    if name == "train":
        for group in ("callbacks", "logger"):
            words += [[f"{group}={path.stem}"] for path in (CONF / group).glob("*.yaml")]
        words += [["model=floc", f"backbone={path.stem}"] for path in (CONF / "backbone").glob("*.yaml")]
        words += [
            [f"experiment={path.relative_to(CONF / 'experiment').with_suffix('')}"]
            for path in (CONF / "experiment").rglob("*.yaml")
        ]
    if name == "ingest":
        words += [[f"data={path.stem}"] for path in (CONF / "data").glob("*.yaml")]
    missing = {key for each in words for key in undeclared(composed(name, each), KEYS[name])}
    assert missing == set(), "give each of these keys a line in mammo/cli/keys.py"


@pytest.mark.parametrize("name", sorted(path.stem for path in CONF.glob("*.yaml")))
def test_defaults_fit_their_types(name: str) -> None:
    check_config(name, composed(name, []))
