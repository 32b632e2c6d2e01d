"""The header of a store: read as it was written; damage is a one-line error."""

import json
from pathlib import Path

import pytest

from mammo.geometry import Frame
from mammo.records import MammoError
from mammo.store.store_header import (
    DataSet,
    StoreHeader,
    check_format,
    header_checksum,
    patient_warning,
    read_store_header,
    write_store_header,
)

HEADER = StoreHeader(Frame(736, 480, 16), (DataSet("phantom", "table", "eighth"),))


def test_a_head_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_store_header(tmp_path, HEADER, {"images.parquet": [3, "abc"]})
    assert read_store_header(tmp_path) == HEADER
    content = json.loads((tmp_path / "store.json").read_text())
    assert content["files"] == {"images.parquet": [3, "abc"]}
    assert content["seal"] == header_checksum(content)


def test_a_folder_without_a_store_is_named(tmp_path: Path) -> None:
    check_format(tmp_path)
    with pytest.raises(MammoError, match=r"no store at .*nowhere: make one with make demo or python -m mammo\.ingest"):
        read_store_header(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"format": 8}',
        '{"format": 8, "frame": {"height": 46, "width": 30, "cell_px": 1}}',
        '{"format": 8, "frame": {"height": 46}, "sources": []}',
    ],
)
def test_a_damaged_head_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text(content)
    check_format(tmp_path)
    with pytest.raises(MammoError, match=r"store\.json is damaged .*: run python -m mammo\.ingest again"):
        read_store_header(tmp_path)


@pytest.mark.parametrize("number", [1, 2, 99])
def test_a_store_of_another_format_is_ingested_again(number: int, tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text(json.dumps({"format": number, "frame": {}}))
    with pytest.raises(
        MammoError, match=rf"format {number}, .* of format 8, cannot read: delete it and ingest .*again"
    ):
        read_store_header(tmp_path)


def test_sources_that_cannot_tell_patients_apart_are_named_together() -> None:
    unknown = [DataSet(name, name, "full", knows_patients=False) for name in ("nyu", "vindr")]
    assert patient_warning([DataSet("cmmd", "cmmd", "full")]) == ""
    assert patient_warning([unknown[0], DataSet("cmmd", "cmmd", "full"), unknown[1]]).startswith("nyu and vindr cannot")
