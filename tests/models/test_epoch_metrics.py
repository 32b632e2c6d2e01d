"""Metrics against scikit-learn, from one process and from several that hold unequal numbers of rows."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score
from torch import multiprocessing

from mammo.models.epoch_metrics import ImageAUROC, LesionAUROC, PatchClassStats, WindowPredictions, score_lesions
from mammo.records import MammoError, PatchClass

N_LESIONS, N_WINDOWS = 9, 5


def windows() -> WindowPredictions:
    """Every window of lesions 2, 4, ..., 18, in random order."""
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(N_LESIONS * N_WINDOWS, generator=generator)
    lesion = torch.arange(1, N_LESIONS + 1).mul(2).repeat_interleave(N_WINDOWS)
    target = torch.where(lesion % 3 == 0, int(PatchClass.MALIGNANT), int(PatchClass.BENIGN))
    window = torch.arange(N_WINDOWS).repeat(N_LESIONS)
    logits = torch.randn(len(lesion), 4, generator=generator)
    return WindowPredictions(logits, lesion[order], window[order], target[order])


def part(rows: slice) -> WindowPredictions:
    return WindowPredictions(*(column[rows] for column in windows()))


def images(rows: slice) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Image rows, scores and targets of 20 images."""
    generator = torch.Generator().manual_seed(1)
    scores, targets = torch.rand(20, 2, generator=generator), torch.randint(0, 2, (20, 2), generator=generator)
    return torch.arange(20)[rows], scores[rows], targets[rows]


def batches(rows: slice) -> list[WindowPredictions]:
    return [part(slice(start, min(start + 6, rows.stop))) for start in range(rows.start, rows.stop, 6)]


def test_the_auc_is_that_of_the_mean_window_scores() -> None:
    metric, every = LesionAUROC(), windows()
    for batch in batches(slice(0, 45)):
        metric.update(*batch)
    p = torch.softmax(every.logits.double(), dim=1)
    share = p[:, PatchClass.MALIGNANT] / (p[:, PatchClass.MALIGNANT] + p[:, PatchClass.BENIGN])
    rows = np.arange(2, 20, 2)
    means = [share[every.lesion == row].mean().item() for row in rows]
    assert metric.compute().dtype == torch.float64
    assert metric.compute().item() == pytest.approx(roc_auc_score(rows % 3 == 0, means), abs=1e-12)
    row, malignant, scores = metric.lesion_scores()
    assert row.tolist() == rows.tolist()
    assert malignant.tolist() == (rows % 3 == 0).astype(int).tolist()
    assert scores.score == pytest.approx(means)


def test_scored_lesions_outlast_a_reset_and_the_metric_does_not_keep_their_rows() -> None:
    metric = LesionAUROC()
    metric.update(*windows())
    scored = metric.lesion_scores()
    metric.reset()
    assert not metric.logits
    metric.update(*part(slice(0, 1)))
    assert len(metric.lesion_scores().row) == 1
    assert len(scored.row) == N_LESIONS


def test_a_score_that_is_not_a_number_is_rejected() -> None:
    logits, *rest = windows()
    logits[7] = torch.nan
    with pytest.raises(MammoError, match="diverged"):
        score_lesions([WindowPredictions(logits, *rest)])


def test_images_whose_score_is_not_a_number_are_rejected_with_the_remedy() -> None:
    metric = ImageAUROC()
    metric.update(torch.arange(3), torch.tensor([[0.1, 0.2], [torch.nan, 0.5], [0.3, torch.nan]]), torch.zeros(3, 2))
    with pytest.raises(MammoError, match=r"2 of 3 images are not a number; the network diverged: .*\(model\.lr\)"):
        metric.compute()


def test_image_scores_hold_every_image_once() -> None:
    metric = ImageAUROC()
    for rows in (slice(8, 20), slice(0, 8), slice(3, 5)):
        metric.update(*images(rows))
    row, target, score = metric.image_scores()
    expected = images(slice(0, 20))
    assert row.tolist() == list(range(20))
    assert torch.equal(score, expected[1].double())
    assert torch.equal(target, expected[2])
    assert metric.compute().tolist() == [roc_auc_score(target[:, column], score[:, column]) for column in (0, 1)]


def test_class_losses_and_confusion_equal_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(50, 4, generator=generator), torch.randint(0, 3, (50,), generator=generator)
    class_stats = PatchClassStats()
    for rows in torch.arange(50).split(7):
        class_stats.update(logits[rows], target[rows])
    loss, confusion = class_stats.compute()
    assert np.array_equal(confusion, confusion_matrix(target, logits.argmax(dim=1), labels=range(4)))
    p = torch.softmax(logits.double(), dim=1).numpy()
    for number in range(3):
        own = (target == number).numpy()
        expected = log_loss(target[own], p[own], labels=range(4))
        assert abs(loss[number].item() - expected) < 1e-6
    assert loss[3].isnan(), "a class without patches has no loss"


SHARES = ([(0, 31), (29, 45)], [(0, 45), (0, 0)])
"""Rows of the two processes: with rows in common, as a sampler pads them, and with one that has none."""


def score_together(rank: int, folder: str) -> None:
    """One of two processes that score together; writes what it computes from the rows of both."""
    torch.distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    for number, shares in enumerate(SHARES):
        own, metric, of_images, stats = slice(*shares[rank]), LesionAUROC(), ImageAUROC(), PatchClassStats()
        for batch in batches(own):
            metric.update(*batch)
            stats.update(batch.logits, batch.target)
        if own.stop > own.start:
            of_images.update(*images(slice(own.start * 20 // 45, own.stop * 20 // 45)))
        n_batches = len(metric.logits)
        row, _, scores = metric.lesion_scores()
        found = [metric.compute(), of_images.compute(), row, torch.from_numpy(scores.score), *stats.compute()]
        assert len(metric.logits) == n_batches, "a process must keep its own rows only"
        torch.save(found, f"{folder}/{number}-{rank}.pt")
    torch.distributed.destroy_process_group()


def test_processes_with_unequal_rows_compute_what_one_process_does(tmp_path: Path) -> None:
    # forks, which have all imported: no gradient is computed, which torch cannot do in a fork
    multiprocessing.start_processes(score_together, (str(tmp_path),), nprocs=2, start_method="fork")
    metric, of_images = LesionAUROC(), ImageAUROC()
    metric.update(*windows())
    of_images.update(*images(slice(0, 20)))
    row, _, scores = metric.lesion_scores()
    for number, shares in enumerate(SHARES):
        stats = PatchClassStats()
        for batch in (batch for share in shares for batch in batches(slice(*share))):
            stats.update(batch.logits, batch.target)
        expected = [metric.compute(), of_images.compute(), row, torch.from_numpy(scores.score), *stats.compute()]
        for rank in range(2):
            found = torch.load(tmp_path / f"{number}-{rank}.pt", weights_only=True)
            assert all(torch.equal(*pair) for pair in zip(found[:4], expected[:4], strict=True))
            assert [one.dtype for one in found] == [one.dtype for one in expected]
            torch.testing.assert_close(found[4], expected[4], equal_nan=True)
            assert torch.equal(found[5], expected[5])
