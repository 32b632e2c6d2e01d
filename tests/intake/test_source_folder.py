import os
from pathlib import Path

import pytest

from mammo.intake.source_folder import Folder, is_document
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


def test_files_that_are_plainly_no_images_are_not_candidates(tmp_path: Path) -> None:
    contents = {
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "letter.pdf": b"%PDF-1.7",
        "letter": b"%PDF-1.7",
        "list.xlsx": b"PK\x03\x04",
        "film.mp4": b"\0\0\0\x18ftypmp42",
        "film": b"\0\0\0\x18ftypmp42",
        "notes": "Größe: 3 cm\n".encode(),
        "truncated.dcm": b"text",
        "empty": b"",
        "unknown.bin": bytes(range(256)),
        "images.zip": b"PK\x03\x04",
        "1.2.3": bytes(128) + b"DICM",
        "4.5.6": b"%PDF".ljust(128) + b"DICM",
        ".DS_Store": b"x",
        "DICOMDIR": bytes(128) + b"DICM",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    expected = ("1.2.3", "4.5.6", "empty", "images.zip", "truncated.dcm", "unknown.bin")
    assert Folder(tmp_path).candidates == expected
    assert not is_document(b"")
