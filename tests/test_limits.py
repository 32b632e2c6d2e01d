"""Small files that stand for large ones are rejected before they are read, with both sizes."""

import json
import os
import time
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mammo.limits import (
    LINE_CHARACTERS,
    check_archive,
    check_parquet,
    check_yaml,
    limited_lines,
    parse_json,
    read_json,
    read_yaml,
)


def test_an_archive_of_little_bytes_that_grows_is_rejected(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", bytes(300 << 20))
    with pytest.raises(ValueError, match="it would unpack to 314,572,800 bytes, of which at most 268,435,456 are read"):
        check_archive(tmp_path / "a.zip")
    np.savez_compressed(tmp_path / "b.npz", h=np.zeros((1000, 32), np.float32))
    check_archive(tmp_path / "b.npz")
    with pytest.raises(ValueError, match="not an archive"):
        check_archive(Path(__file__))


@pytest.mark.parametrize(("kind", "stored"), [("text", True), ("text", False), ("bytes", False), ("numbers", True)])
def test_a_table_of_one_repeated_value_is_rejected(kind: str, stored: bool, tmp_path: Path) -> None:
    value = {"text": "x" * 200_000, "bytes": b"x" * 200_000, "numbers": 7}[kind]
    n_rows = 100_000_000 if kind == "numbers" else 20_000
    index = pa.array(np.zeros(n_rows, np.int32))
    column = index if kind == "numbers" else pa.DictionaryArray.from_arrays(index, pa.array([value]))
    pq.write_table(pa.table({"a": column}), tmp_path / "t.parquet", compression="zstd", store_schema=stored)
    assert (tmp_path / "t.parquet").stat().st_size < 2_000_000
    with pytest.raises(ValueError, match=r"it would unpack to .* bytes"):
        check_parquet(tmp_path / "t.parquet")


def test_tables_as_they_are_pass(tmp_path: Path) -> None:
    rows = 3000
    masks = [os.urandom(1000 + number % 7) for number in range(rows)]
    columns = {"label": ["malignant", "benign", "none"] * 1000, "mask": masks, "x": np.arange(rows), "y": [None] * rows}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    check_parquet(tmp_path / "t.parquet")
    (tmp_path / "none.parquet").write_bytes(b"no table")
    with pytest.raises(ValueError, match="Parquet"):
        check_parquet(tmp_path / "none.parquet")


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.json")
    for read in (read_json, read_yaml, check_archive, check_parquet):
        with pytest.raises(ValueError, match="it is not a regular file"):
            read(tmp_path / "x.json")


def test_sizes_nesting_and_references_have_limits(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(json.dumps(["x" * 100]))
    with pytest.raises(ValueError, match="it has 104 bytes, of which at most 50 are read"):
        read_json(path, 50)
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json("[" * 100_000)
    (tmp_path / "y").write_text("a: 'b\n")
    with pytest.raises(ValueError, match="found unexpected end of stream"):
        read_yaml(tmp_path / "y")
    (tmp_path / "y").write_text("a: [1, {b: c}]\n")
    assert read_yaml(tmp_path / "y") == {"a": [1, {"b": "c"}]}


@pytest.mark.parametrize("text", ["seed: 1\na: 2\nseed: 3\n", "a: {b: 1, 'b': 2}\n", "- {b: 1, b: 1}\n"])
def test_a_key_that_stands_twice_in_yaml_is_rejected(tmp_path: Path, text: str) -> None:
    """PyYAML takes the last value without a word."""
    (tmp_path / "y").write_text(text)
    with pytest.raises(ValueError, match=r"has the key (seed|b) twice"):
        read_yaml(tmp_path / "y")


NINE = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]\n" for before, one in pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 5000 + "]" * 5000, "nested deeper than 100 levels"),
        ("".join(f"{' ' * n}a:\n" for n in range(500)), "nested deeper than 100 levels"),
        ("{" * 5000, "nested deeper than 100 levels"),
        (NINE, "more than 10,000 values"),
        (f"a: &a [{'1, ' * 200}]\nb: [{'*a, ' * 200}]\n", "more than 10,000 values"),
        ("- 1\n" * 20_000, "more than 10,000 values"),
        ("a: &a [*a]\n", "refers to another part of itself"),
        ("a: " + "x" * 2_000_000, "2,000,003 bytes, of which at most 1,048,576"),
    ],
)
def test_yaml_that_stands_for_much_is_rejected_within_a_second(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(text)
    started = time.process_time()
    with pytest.raises(ValueError, match=reason):
        check_yaml(tmp_path / "x.yaml")
    with pytest.raises(ValueError, match="it "):
        read_yaml(tmp_path / "x.yaml")
    assert time.process_time() - started < 1


def test_few_references_may_stand_in_a_user_s_own_files_and_none_in_a_run_s(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: &a {b: 1}\nc: *a\nd: {<<: *a, e: &e 2}\nf: *e\n")
    check_yaml(tmp_path / "x.yaml")
    with pytest.raises(ValueError, match="refers to another part of itself"):
        read_yaml(tmp_path / "x.yaml")


def test_json_of_many_values_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mammo.limits.JSON_VALUES", 1000)
    assert len(parse_json(json.dumps(list(range(900))))) == 900
    for text in ("[" + "[]," * 600 + "[]]", json.dumps([{}] * 600), json.dumps(list(range(1200)))):
        with pytest.raises(ValueError, match="values, of which at most 1,000 are read"):
            parse_json(text)


def test_a_line_has_a_limit(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + "x" * (LINE_CHARACTERS + 1))
    with (tmp_path / "t.csv").open() as stream, pytest.raises(ValueError, match="a line of more than 16,777,216"):
        list(limited_lines(stream))
    (tmp_path / "t.csv").write_text("a\n\nb")
    with (tmp_path / "t.csv").open() as stream:
        assert list(limited_lines(stream)) == ["a\n", "\n", "b"]
