import os
from pathlib import Path

import pytest

from mammo.intake.source_folder import Folder
from mammo.records import MammoError


def test_files_are_found_by_name_without_macos_copies(tmp_path: Path) -> None:
    for path in (
        "b/X.CSV",
        "a/x.csv",
        "__MACOSX/x.csv",
        "a/._x.csv",
        ".hidden/x.csv",
        "a/i.DCM",
        "a/1.2.840",
        "a/README",
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "a" / "1.2.840").write_bytes(bytes(128) + b"DICM")
    os.mkfifo(tmp_path / "a" / "pipe")
    folder = Folder(tmp_path)
    assert folder.matching("x.csv") == ["a/x.csv", "b/X.CSV"]
    assert folder.find("y.csv", "x.csv") == tmp_path / "a/x.csv"
    assert folder.images == ("a/1.2.840", "a/i.DCM")
    assert folder.candidates == ("a/1.2.840", "a/README", "a/i.DCM", "a/pipe")
    with pytest.raises(MammoError, match=r"holds no z\.csv"):
        folder.find("z.csv")
