"""Batches do not depend on the number of threads, and memory is reused only after it is released."""

import gc
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mammo.data.dataset import PlanDataset, Reader
from mammo.data.loader import Loader, PixelPool
from mammo.data.plans import lesion_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes
from mammo.records import Batch, MammoError
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from tests.data.pipelines import gray_changes


@pytest.fixture(scope="module")
def dataset(small_root: Path) -> PlanDataset:
    manifest = Manifest.load(small_root / "store")
    plan = lesion_plan(SamplingIndex.from_manifest(manifest), CropSizes((16, 48), 24), n_windows=5, seed=0)
    order = np.random.default_rng(0).permutation(len(plan))
    reader = Reader.from_manifest(small_root / "store", manifest, 24)
    return PlanDataset(plan.take(order), ("patch", "window"), reader, intensity=gray_changes(0.2, 0.2, 0.02), seed=5)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_batches_are_bit_identical_for_any_number_of_threads(dataset: PlanDataset, threads: int) -> None:
    single, threaded = list(Loader(dataset, 7)), list(Loader(dataset, 7, threads))
    assert len(single) == len(threaded) == len(Loader(dataset, 7)) == -(-len(dataset) // 7)
    for one, other in zip(single, threaded, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("threads", [0, 3])
def test_a_pass_that_ends_early_does_not_affect_the_next(dataset: PlanDataset, threads: int) -> None:
    loader = Loader(dataset, 4, threads)
    first = next(iter(loader))["patch"].clone()
    assert torch.equal(next(iter(loader))["patch"], first)


@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize("given", [0, 1, 4])
def test_a_resumed_pass_starts_after_the_batches_given(dataset: PlanDataset, threads: int, given: int) -> None:
    whole = list(Loader(dataset, 7))
    interrupted, resumed = Loader(dataset, 7, threads), Loader(dataset, 7, threads)
    batches = iter(interrupted)
    for _ in range(given):
        next(batches)
    assert interrupted.state_dict() == {"given": given}
    resumed.load_state_dict(interrupted.state_dict())
    rest, again = list(resumed), list(resumed)
    assert len(rest) == len(whole) - given
    for one, other in zip([*rest, *again], [*whole[given:], *whole], strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_batches_in_use_are_never_overwritten(dataset: PlanDataset) -> None:
    loader = Loader(dataset, 3, 2)
    held = [batch["patch"] for batch in loader]
    copies = [patch.clone() for patch in held]
    for _ in loader:
        pass
    assert all(torch.equal(patch, copy) for patch, copy in zip(held, copies, strict=True))


def test_memory_is_reused_once_no_tensor_uses_it() -> None:
    pool = PixelPool()
    array = pool.allocate(2, 1, 3, 3)
    address = array.ctypes.data
    view = torch.from_numpy(array)[1].float().sum() + torch.from_numpy(array)[0, 0, 0, 0]
    tensor = torch.from_numpy(array)[1:, 0]
    del array
    gc.collect()
    assert pool.allocate(2, 1, 3, 3).ctypes.data != address
    del tensor, view
    gc.collect()
    assert address in {pool.allocate(18).ctypes.data, pool.allocate(3, 6).ctypes.data}


def test_batches_are_kept_while_there_is_memory(dataset: PlanDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(column.nbytes for column in dataset.batch(range(6)).values())
    loader = Loader(dataset, 6, 2, keep_bytes=2 * size)
    before = [batch["patch"].clone() for batch in loader]
    reads: list[int] = []
    plain = PlanDataset.batch
    monkeypatch.setattr(PlanDataset, "batch", lambda self, rows, memory: reads.append(rows[0]) or plain(self, rows))
    after = [batch["patch"] for batch in loader]
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert len(reads) == len(loader) - 2


def test_an_error_in_a_thread_is_raised(dataset: PlanDataset, tmp_path: Path) -> None:
    reader = Reader(ImageStore(tmp_path), dataset.reader.ids, dataset.reader.chains, 24)
    with pytest.raises(MammoError, match="is missing from the store"):
        list(Loader(PlanDataset(dataset.plan, ("patch",), reader), 5, 2))


@pytest.mark.parametrize("threads", [0, 2])
def test_an_unexpected_error_names_the_images_of_its_batch(
    dataset: PlanDataset, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    plain = PlanDataset.batch

    def broken(self: PlanDataset, rows: range, memory: object = None) -> Batch:
        if 7 in rows:
            raise ValueError("an augmentation of one's own")
        return plain(self, rows)

    monkeypatch.setattr(PlanDataset, "batch", broken)
    loader = Loader(dataset, 3, threads)
    first = dataset.reader.ids[dataset.plan.image[6]]
    with pytest.raises(MammoError, match=rf"^batch 3 \(images {first}.*\): ValueError: an augmentation of one's own"):
        list(loader)


def test_a_thread_that_hangs_ends_the_pass_and_the_process(tmp_path: Path) -> None:
    code = """
import threading
from mammo.data.read_ahead import read_ahead

def read(number):
    if number == 3:
        threading.Event().wait()
    return number

for result in read_ahead(read, range(9), 2, 0.5, "batch {}".format):
    print(result, flush=True)
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "0\n1\n2\n")
    assert "MammoError: batch 3 was not read within 0.5 s" in done.stderr
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("batch_size", "threads", "message"),
    [(0, 1, "^batch_size must be >= 1, got 0$"), (5, -1, "^workers must be >= 0, got -1$")],
)
def test_impossible_numbers_are_rejected(dataset: PlanDataset, batch_size: int, threads: int, message: str) -> None:
    with pytest.raises(MammoError, match=message):
        Loader(dataset, batch_size, threads)
