"""A file under construction is nobody's business: readers see the old one or the new one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mammo.io import PARTIAL, whole_file


def test_a_file_appears_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for content in ("first", "second"):
        with whole_file(path) as written:
            written.write_text(content)
            assert not path.exists() or path.read_text() == "first"
            assert written.parent == tmp_path
            assert written.name.startswith(".")
            assert written.name.endswith(PARTIAL)
        assert path.read_text() == content
    assert os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "table.csv"
    path.write_text("first")
    with pytest.raises(error), whole_file(path) as written:  # noqa: PT012 - the error comes in the middle of it
        written.write_text("sec")
        raise error
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"table.csv": "first"}
    with pytest.raises(FileNotFoundError), whole_file(path):  # a block that writes nothing
        pass
    assert path.read_text() == "first"


def test_two_processes_write_one_path_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    other = f"from pathlib import Path; from mammo.io import whole_file\nwith whole_file(Path({str(path)!r})) as w: "
    with whole_file(path) as written:
        written.write_text("ours, begun")
        subprocess.run([sys.executable, "-c", other + "w.write_text('theirs')"], check=True, timeout=60)
        assert path.read_text() == "theirs"
        assert written.read_text() == "ours, begun"
    assert path.read_text() == "ours, begun"
    assert os.listdir(tmp_path) == ["table.csv"]
