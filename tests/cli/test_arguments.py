"""Numbers of a command line are checked, and files that cannot be used are one sentence."""

import errno
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from mammo import compare, report, verify
from mammo.cli.arguments import at_least_one, complain
from mammo.records import MammoError


def test_a_count_is_a_whole_number_of_at_least_one() -> None:
    assert [at_least_one(text) for text in ("1", "64")] == [1, 64]
    for text in ("0", "-1", "1.5", "two", "", "1e3"):
        with pytest.raises(ArgumentTypeError, match="give a whole number of at least 1"):
            at_least_one(text)


@pytest.mark.parametrize("words", [["--processes", "0"], ["--processes", "-1"], ["--images", "0"], ["--images", "x"]])
def test_verify_needs_counts(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        verify.main(["nowhere", *words])
    assert stop.value.code == 2
    assert f"argument {words[0]}: give a whole number of at least 1" in capsys.readouterr().err


def test_only_errors_that_the_user_can_act_on_are_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    assert complain(MammoError("no store at x: make one")) == 2
    assert complain(PermissionError(errno.EACCES, "Permission denied", "out")) == 2
    assert complain(FileExistsError(errno.EEXIST, "File exists", "file")) == 2  # where a folder is to be made
    assert capsys.readouterr().err == (
        "error: no store at x: make one\n"
        "error: out cannot be used (Permission denied): give another folder, or correct this one\n"
        "error: file cannot be used (File exists): give another folder, or correct this one\n"
    )
    with pytest.raises(FileNotFoundError):
        complain(FileNotFoundError(errno.ENOENT, "No such file or directory", "own/file"))


def test_an_output_folder_below_a_file_is_one_sentence(
    small_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = str(tmp_path / "file" / "x")
    assert verify.main([str(small_root), "--processes", "1", "--out", out]) == 2
    assert f"error: {out} cannot be used (Not a directory)" in capsys.readouterr().err
    assert report.main([str(tmp_path / "file")]) == 2
    assert compare.main([str(tmp_path / "file" / "x.csv")]) == 2
