"""No name, identifier, date or text of a source is in any file that a command writes, also where the command fails.

quarantine.csv and ids.csv of a store lead back to the source, and predictions.* of score with own_ids=true.
"""

import base64
import gzip
import io
import os
import shutil
import socket
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.faults.canaries import HEADER, MARK, NAME, UMLAUT, Canaries, hits, hits_in, plant_pictures, unexpected_hits
from tests.faults.command_lines import COMMAND_LINES
from tests.faults.planted import Planted, check_nothing_written, run, run_words, written_in

WRONG = f"{MARK}=1"
N_CANARIES = 1152
LONG = 6
"""Letters of a host name above which it is in no file by chance."""

N_SAMPLED = 6
"""Commands that are made to fail where FULL=1 does not ask for all of them."""

FAILING = COMMAND_LINES if os.environ.get("FULL") == "1" else Random(24).sample(COMMAND_LINES, N_SAMPLED)


def packed(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield bytes that hold a text in some other form, each with the name of the form."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        yield encoding, text.decode().encode(encoding)
    for shift in range(3):
        yield f"base64 {shift}", base64.b64encode(bytes(shift) + text + b"...")
    yield "lower case", text.lower()
    yield "percent", "".join(f"%{byte:02X}" for byte in text).encode()
    yield "hex", text.hex().encode()
    yield "gzip", gzip.compress(text)
    archive, table, picture = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("part", text)
    pd.DataFrame({"x": [text.decode()] * 9}).to_parquet(table, compression="zstd")
    info = PngInfo()
    info.add_text("Comment", text.decode(), zip=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(picture, "png", pnginfo=info)
    yield from (("zip", archive.getvalue()), ("parquet", table.getvalue()), ("png", picture.getvalue()))
    yield "page", b'<img src="data:image/png;base64,' + base64.b64encode(picture.getvalue()) + b'">'


@pytest.mark.parametrize(
    ("form", "content"), list(packed(f"{HEADER}000001".encode())), ids=lambda value: str(value)[:10]
)
def test_a_canary_is_found_in_every_form(form: str, content: bytes) -> None:
    assert list(hits_in(b"before" + content if form == "utf-8" else content)), form


def test_dates_and_identifiers_are_found_and_other_numbers_are_not() -> None:
    for text in (b"a,19200317,b", b"1920-03-17", b"2.25.98765432109876012345", b"9998887776", UMLAUT.encode()):
        assert list(hits_in(text)), text
    assert not list(hits_in(b"0.119200317 119200317 2.25.9876543210"))


@pytest.mark.faults
def test_no_command_that_succeeds_writes_a_canary(planted: Planted) -> None:
    assert len(planted.canaries.made) >= N_CANARIES
    check_nothing_written(planted.root)
    local = "".join((planted.root / "store" / name).read_text() for name in ("ids.csv", "quarantine.csv"))
    assert local.count(MARK) > 100
    for name, end in planted.ends.items():
        assert HEADER not in end.out + end.err, name


@pytest.mark.faults
def test_a_dashboard_holds_no_absolute_path_and_no_name_of_the_machine_or_user(planted: Planted) -> None:
    machine = (str(planted.root), sys.executable, str(Path(__file__).parents[2]))
    machine += (socket.gethostname(),) if len(socket.gethostname()) > LONG else ()
    dashboards = sorted(planted.root.glob("*/*/wandb"))
    assert len(dashboards) == 5
    for dashboard in dashboards:
        assert hits(dashboard, machine) == []


@pytest.mark.faults
def test_predictions_name_cases_where_they_list_them_and_hold_nothing_else(planted: Planted, tmp_path: Path) -> None:
    source, root, started = shutil.copytree(planted.source, tmp_path / MARK), tmp_path / "root", time.time_ns()
    rows = (source / "lesions.csv").read_text().splitlines()
    (source / "lesions.csv").write_text("\n".join(rows[:4]))
    root.mkdir()
    words = ["predict", f"{planted.root}/fagg.bundle", str(source), "-o", f"{root}/out", "--windows", "2"]
    end = run_words([*words, "--no-changes"], root)
    assert end.status == 0, end
    assert len(list((root / "out" / "pictures").iterdir())) > 1
    assert HEADER not in end.out + end.err
    for folder in written_in(root):
        assert unexpected_hits(folder, started) == []


@pytest.mark.faults
def test_own_ids_that_are_asked_for_are_printed_and_not_written(planted: Planted) -> None:
    scores, started = str(next(planted.root.glob("runs/floc-*/lesions.csv"))), time.time_ns()
    end = run_words(["compare", scores, scores, "--own-ids"], planted.root)
    assert end.status == 0, end
    assert NAME in end.out
    assert HEADER not in end.out + end.err
    check_nothing_written(planted.root, started)


def damage(root: Path) -> None:
    """Turn a byte in the middle of every table, result and checkpoint."""
    for pattern in ("store/*.parquet", "*/*/result.json", "*/*/*.ckpt", "official.p"):
        for path in root.glob(pattern):
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 0xFF
            path.unlink()  # it may be a link
            path.write_bytes(content)


@pytest.mark.faults
def test_no_command_that_fails_writes_a_canary(planted: Planted, tmp_path: Path) -> None:
    root = shutil.copytree(planted.root, tmp_path / "root")
    damage(root)
    failed = 0
    for line in FAILING:
        ends = [run(line, root, planted.source), run(line, root, planted.source, WRONG)]
        assert ends[1].status == 2, line.name
        failed += ends[0].status not in line.statuses
        assert HEADER not in "".join(end.out + end.err for end in ends), line.name
    assert failed >= len(FAILING) // 4
    check_nothing_written(root)


SPOILED = {
    "an unknown label": ("lesions.csv", "malignant", f"{MARK} grade"),
    "an image that is missing": ("lesions.csv", ".dcm", ".gone"),
    "an unknown side": ("images.csv", ",L,", f",{MARK},"),
    "a column that is missing": ("lesions.csv", "label", MARK),
}


@pytest.mark.faults
@pytest.mark.parametrize("what", SPOILED)
def test_an_ingest_that_fails_writes_no_canary(what: str, planted: Planted, tmp_path: Path) -> None:
    source = shutil.copytree(planted.source, tmp_path / planted.source.name)
    table, old, new = SPOILED[what]
    (source / table).write_text((source / table).read_text().replace(old, new))
    line = next(line for line in COMMAND_LINES if line.name == "ingest")
    (tmp_path / "root").mkdir()
    end = run(line, tmp_path / "root", source)
    assert end.status == 2, end
    assert HEADER not in end.out + end.err
    check_nothing_written(tmp_path / "root")


@pytest.mark.faults
def test_pictures_with_texts_and_a_coco_file_leave_no_canary(planted: Planted, tmp_path: Path) -> None:
    source = plant_pictures(planted.root / "dicom", tmp_path / MARK, Canaries())
    root = tmp_path / "root"
    root.mkdir()
    for line in COMMAND_LINES:
        if line.name in ("ingest", "split", "verify"):
            words = ("data.lesions=coco.json", "data.scale=1") if line.name == "ingest" else ()
            end = run(line, root, source, *words, data="table")
            assert end.status in (0, 3), end
    assert len(pd.read_parquet(root / "store" / "lesions.parquet")) > 10
    check_nothing_written(root)
