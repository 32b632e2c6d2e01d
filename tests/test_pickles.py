"""Pickles are scanned before they are loaded: no size that they claim, and no time that they would take, is real."""

import io
import pickle
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mammo.pickles import check_pickle, check_pickle_file
from tests.hostile.checkpoints import shared

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.tuples(st.integers()), inner)
    ),
)


@given(PLAIN, st.integers(0, 5))
def test_whatever_python_writes_passes_to_its_end(value: object, protocol: int) -> None:
    stream = io.BytesIO(pickle.dumps(value, protocol) + b"more")
    check_pickle(stream)
    assert stream.read() == b"more"


def test_large_and_shared_content_passes(tmp_path: Path) -> None:
    pair = (1, 2)
    for protocol in (0, 2, 4):
        check_pickle(io.BytesIO(pickle.dumps([{"a": pair, "b": [pair] * 20}] * 500 + list(range(20_000)), protocol)))
    state = {"state_dict": torch.nn.Linear(3, 4).state_dict(), "betas": [(0.9, 0.999)] * 100}
    torch.save(state, tmp_path / "older.p", _use_new_zipfile_serialization=False)
    check_pickle_file(tmp_path / "older.p", 5)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (shared(40), "refers to the same values so often"),
        (shared(4, 200), "refers to the same values so often"),
        (b"\x80\x02" + b"(" * 300 + b"t" * 300 + b".", "nested deeper than 200 levels"),
        (b"\x80\x02}r\xff\xff\xff\x7f.", "it numbers a value 2147483647"),
        (b"\x80\x02s.", "values that it has not made"),
        (b"\x80\x02h\x07.", "refers to a value that it has not made"),
        (b"\x80\x02(K\x01", "exhausted"),
        (b"\x80\x05\x96" + (10**13).to_bytes(8, "little") + b".", "expected 10000000000000 bytes"),
    ],
)
def test_small_pickles_that_stand_for_large_values_are_found_at_once(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    started = time.process_time()
    (tmp_path / "x.pkl").write_bytes(content)
    for check in (lambda: check_pickle(io.BytesIO(content)), lambda: check_pickle_file(tmp_path / "x.pkl")):
        with pytest.raises(ValueError, match=reason):
            check()
    assert time.process_time() - started < 1


def test_what_the_limit_allows_is_fast() -> None:
    content = shared(17)
    started = time.process_time()
    check_pickle(io.BytesIO(content))
    pickle.loads(content)
    assert time.process_time() - started < 1
