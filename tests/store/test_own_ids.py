from pathlib import Path

import pytest

from mammo.records import MammoError
from mammo.store.own_ids import OWN_IDS, OwnId, find_own_ids, read_own_ids, shown_id


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
