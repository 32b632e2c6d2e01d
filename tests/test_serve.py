"""`mammo serve`: wrong use is one sentence, and --status prints a queue."""

import json
from pathlib import Path

import pytest

from mammo.serve import _parser, main

NODE = ["x.bundle", "--dicom", "--queue", "q", "--accept", "A", "--peer", "P@127.0.0.1:104"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "BUNDLE is missing"),
        (["x.bundle", "--queue", "q"], "--queue does not go with the page, but with --dicom: leave it out"),
        (["x.bundle", "--json"], "--json does not go with the page, but with --status: leave it out"),
        (["x.bundle", "--test-of", "."], "--test-of goes with --data FOLDER"),
        (["x.bundle", "--data", "nowhere"], "nowhere does not exist"),
        (["x.bundle", "--port", "65536"], "--port 65536 is not a port"),
        (["x.bundle", "--neighbors", "nowhere"], "nowhere does not exist"),
        (["x.bundle", "--neighbors-license", "CC0"], "--neighbors-license goes with --neighbors STORE"),
        (["x.bundle", "--peer", "P:104"], "'P:104' is not an address: give AET@HOST:PORT"),
        ([*NODE, "--save", "s"], "--save does not go with --dicom"),
        ([*NODE, "--neighbors", "."], "--neighbors does not go with --dicom"),
        ([*NODE, "--data", "."], "--data does not go with --dicom"),
        ([*NODE, "--port", "0"], "--port does not go with --dicom"),
        (NODE[:2], "--queue FOLDER is missing"),
        (NODE[:4], "--accept AET is missing"),
        (NODE[:6], "--peer AET@HOST:PORT is missing"),
        (["none.bundle", *NODE[1:]], "none.bundle does not exist"),
        ([*NODE[:-1], "P:104"], "'P:104' is not an address: give AET@HOST:PORT"),
        ([*NODE, "--listen", "M@host"], "'M@host' is not an address"),
        ([*NODE[:5], "A\\B", *NODE[6:]], "is not an AE title"),
        (["x.bundle", "--study", "nowhere"], "nowhere does not exist"),
        (["--study", "x.bundle"], "BUNDLE is missing"),
        (["x.bundle", "--study", "x.bundle", "--dicom"], "--dicom does not go with --study"),
        (["x.bundle", "--study", "x.bundle", "--data", "."], "--data does not go with --study"),
        (["--export", "out"], "--export goes with --study FILE"),
        (["x.bundle", "--study", "x.bundle", "--export", "out"], "BUNDLE does not go with --export"),
        (["--study", "x.bundle", "--export", "out", "--port", "1"], "--port does not go with --export"),
        (["--study", "x.bundle", "--export", "out"], "x.bundle is not a table of keys and values"),
        (["--status", ".", "--study", "x.bundle"], "--study does not go with --status"),
        (["--status", "nowhere"], "nowhere does not exist"),
        (["--status", ".", "--accept", "A"], "--accept does not go with --status"),
        ([*NODE, "--json"], "--json does not go with --dicom, but with --status"),
        (["--status", "."], ". is not a queue (no folder received/images): name the folder of --queue"),
        (["--status", "x.bundle"], "x.bundle is not a queue"),
    ],
)
def test_wrong_use_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.bundle").touch()
    assert main(words) == 2
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.bundle"]


GRID = """
             page dicom study export status
BUNDLE       yes  yes   yes   no     no
--data       yes  no    no    no     no
--test-of    yes  no    no    no     no
--neighbors  yes  no    no    no     no
--neighbors-license yes no no no     no
--save       yes  no    no    no     no
--port       yes  no    yes   no     no
--host       yes  no    yes   no     no
--queue      no   yes   no    no     no
--accept     no   yes   no    no     no
--listen     no   yes   no    no     no
--peer       yes  yes   no    no     no
--dicom      -    -     no    no     no
--windows    yes  yes   yes   no     no
--prevalence yes  yes   yes   no     no
--allow-targets yes yes yes   no     no
--study      -    -     -     yes    no
--export     -    -     -     -      no
--status     -    -     -     -      -
--json       no   no    no    no     yes
"""
"""Which arguments go with which mode; - where the argument itself is what chooses the mode."""

VALUES = {
    **{"--dicom": ["--dicom"], "--json": ["--json"]},
    **{"--port": ["--port", "0"], "--host": ["--host", "127.0.0.1"], "--accept": ["--accept", "A"]},
    **{"--peer": ["--peer", "P@127.0.0.1:104"], "--listen": ["--listen", "M@127.0.0.1:105"]},
    **{"--windows": ["--windows", "10"], "--prevalence": ["--prevalence", "0.1"]},
}
BASE = {
    "page": ["x.bundle", "--data", ".", "--neighbors", "."],
    "dicom": NODE,
    "study": ["x.bundle", "--study", "x.bundle"],
    "export": ["--study", "x.bundle", "--export", "out"],
    "status": ["--status", "nowhere"],
}


def test_the_grid_has_every_argument() -> None:
    names = {line.split()[0] for line in GRID.strip().splitlines()[1:]}
    actions = [action for action in _parser()._actions if action.dest != "help"]
    assert names == {action.option_strings[0] if action.option_strings else "BUNDLE" for action in actions}


@pytest.mark.parametrize("line", GRID.strip().splitlines()[1:])
def test_an_argument_goes_with_a_mode_or_is_rejected_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.bundle").touch()
    name, *cells = line.split()
    for mode, cell in zip(BASE, cells, strict=True):
        if cell == "-":
            continue
        bundle = ["x.bundle"] if name == "BUNDLE" and cell == "no" else []
        option = [] if name == "BUNDLE" else VALUES.get(name, [name, "."])
        assert main([*bundle, *BASE[mode], *option]) == 2
        printed = capsys.readouterr().err
        assert ("does not go with" in printed) is (cell == "no"), (mode, printed)
        if cell == "no":
            assert printed.startswith(f"error: {name} does not go with {'the page' if mode == 'page' else '--' + mode}")
            assert printed.endswith(": leave it out\n")


def test_the_status_counts_every_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("received/images/a.dcm", "received/images/b.dcm", "received/images/.c.1.partial", "sent/x.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("received/outlines", "scored", "failed"):
        (tmp_path / name).mkdir()
    (tmp_path / "failed" / "y.json").write_text('{"reason": "the image is too small"}')
    assert main(["--status", str(tmp_path), "--json"]) == 0
    counts = {"received/images": 2, "received/outlines": 0, "scored": 0, "sent": 1, "failed": 1}
    assert json.loads(capsys.readouterr().out) == {"counts": counts, "failures": {"y": "the image is too small"}}
    assert main(["--status", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "     2  received/images\n" in printed
    assert "case y: the image is too small\n" in printed
