"""Pseudonyms depend on the key of their store, and ids.csv leads back to the own names."""

import hmac
import re
import stat
from pathlib import Path

import pytest

from mammo.records import MammoError
from mammo.store.pseudonyms import OWN_IDS, OwnId, Pseudonyms, find_own_ids, read_own_ids, shown_id


def test_every_store_has_its_own_private_key(tmp_path: Path) -> None:
    first = Pseudonyms.of_store(tmp_path / "a")
    assert Pseudonyms.of_store(tmp_path / "a") == first
    assert Pseudonyms.of_store(tmp_path / "b") != first
    assert stat.S_IMODE((tmp_path / "a" / ".key").stat().st_mode) == 0o600


def test_pseudonyms_depend_on_key_and_kind() -> None:
    names = Pseudonyms(b"k" * 32)
    assert names.of("patient", "7") == hmac.new(b"k" * 32, b"patient\x007", "sha256").hexdigest()[:20]
    assert names.of("patient", "7") != names.of("exam", "7")


def test_two_sources_may_use_the_same_keys() -> None:
    pseudonyms = Pseudonyms(bytes(32))
    names = {one.of("patient", "1") for one in (pseudonyms, pseudonyms.of_source("a"), pseudonyms.of_source("b"))}
    assert len(names) == 3
    assert pseudonyms.of_source("a").of("patient", "1") == pseudonyms.of_source("a").of("patient", "1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root whose store has two own ids, one of which a spreadsheet would run."""
    (tmp_path / "root" / "store").mkdir(parents=True)
    (tmp_path / "root" / "runs").mkdir()
    rows = [("image", "i1", "a", "=x.dcm", ""), ("lesion", "l1", "a", "=x.dcm", "-7")]
    OWN_IDS.write(tmp_path / "root" / "store", "a", rows, ["a"])
    return tmp_path / "root"


def test_own_names_are_read_as_they_are(root: Path) -> None:
    assert read_own_ids(root / "store") == {"i1": OwnId("a", "=x.dcm", ""), "l1": OwnId("a", "=x.dcm", "-7")}
    assert shown_id("l1", read_own_ids(root / "store")) == "l1 = =x.dcm (-7)"
    assert shown_id("other", read_own_ids(root / "store")) == "other"
    assert "'=x.dcm" in (root / "store" / "ids.csv").read_text()


def test_the_rows_of_other_sources_stay(root: Path) -> None:
    OWN_IDS.write(root / "store", "b", [("image", "i2", "b", "\x1b[31my.dcm", "")], ["b", "a"])
    assert list(read_own_ids(root / "store")) == ["i2", "i1", "l1"]
    assert "\x1b" not in (root / "store" / "ids.csv").read_text()
    OWN_IDS.write(root / "store", "b", [], ["b"])
    assert read_own_ids(root / "store") == {}


def test_the_store_is_found_above_a_run_or_by_name(root: Path) -> None:
    file = root / "runs" / "lesions.csv"
    for found in (find_own_ids([file]), find_own_ids([file], root), find_own_ids([file], root / "store")):
        assert set(found) == {"i1", "l1"}
    with pytest.raises(MammoError, match=r"no store with ids\.csv lies beside or above .*: name it with --store"):
        find_own_ids([root.parent / "lesions.csv"])
    (root / "store" / "ids.csv").unlink()
    with pytest.raises(MammoError, match=r"ids\.csv is missing, which holds your own names"):
        find_own_ids([file], root)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def test_changed_own_names_are_not_shown_and_cost_only_the_other_sources(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    OWN_IDS.write(root / "store", "b", [("image", "i2", "b", "y.dcm", "")], ["a", "b"])
    flip(root / "store" / "ids.csv")
    with pytest.raises(MammoError, match=r"ids\.csv is damaged .*: run .*ingest again, for every source"):
        read_own_ids(root / "store")
    OWN_IDS.write(root / "store", "b", [("image", "i2", "b", "y.dcm", "")], ["a", "b"])
    assert re.search(r"ids\.csv was damaged, .* without the rows of a until they are", capsys.readouterr().out)
    assert list(read_own_ids(root / "store")) == ["i2"]


def test_a_new_table_counts_from_its_digest_on(root: Path) -> None:
    """As where the writer is killed before the new table takes the place of the old one."""
    old = (root / "store" / "ids.csv").read_bytes()
    OWN_IDS.write(root / "store", "a", [("image", "i3", "a", "z.dcm", "")], ["a"])
    (root / "store" / "ids.csv").rename(root / "store" / ".ids.csv.new")
    (root / "store" / "ids.csv").write_bytes(old)
    assert list(read_own_ids(root / "store")) == ["i3"]


@pytest.mark.parametrize("content", ["", "0" * 62, "0" * 63 + "g", "\xff" * 64])
def test_a_damaged_key_makes_no_other_pseudonyms(tmp_path: Path, content: str) -> None:
    (tmp_path / ".key").write_text(content)
    with pytest.raises(MammoError, match=r"\.key is not a key of pseudonyms .*, and every id .*: restore it"):
        Pseudonyms.of_store(tmp_path)
