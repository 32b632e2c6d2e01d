"""Lesion scores against the paper's formula: underflow, repeats, order, and rejected input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mammo.records import MammoError
from mammo.scoring.lesion_score import lesion_scores, patch_scores


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def plan(n_lesions: int, n_windows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.repeat(np.arange(n_lesions), n_windows), np.tile(np.arange(n_windows), n_lesions)


def test_scores_equal_the_papers_formula_on_probabilities() -> None:
    rng = np.random.default_rng(0)
    lesion, window = plan(7, 100)
    logits = rng.normal(scale=3, size=(700, 4))
    p = softmax(logits)
    per_patch = (p[:, 0] / (p[:, 0] + p[:, 1])).reshape(7, 100)
    scores = lesion_scores(lesion, window, logits[:, 0], logits[:, 1], 7)
    np.testing.assert_allclose(scores.score, per_patch.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(scores.sd, per_patch.std(axis=1), rtol=1e-9)
    assert scores.n_windows.tolist() == [100] * 7
    np.testing.assert_allclose(scores.window_score.reshape(7, 100), per_patch, rtol=1e-12)
    assert (scores.lesion.tolist(), scores.window.tolist()) == (lesion.tolist(), window.tolist())


def test_log_probabilities_give_the_same_scores_as_logits() -> None:
    logits = np.random.default_rng(1).normal(size=(50, 4))
    logp = np.log(softmax(logits))
    np.testing.assert_allclose(patch_scores(logp[:, 0], logp[:, 1]), patch_scores(logits[:, 0], logits[:, 1]))


def test_scores_are_exact_if_both_probabilities_underflow() -> None:
    logits = np.array([[-2000.0, -2001.0, 0.0, 0.0]])
    p = softmax(logits)
    assert p[0, 0] == p[0, 1] == 0  # the ratio of probabilities would be 0 / 0
    assert patch_scores(logits[:, 0], logits[:, 1])[0] == pytest.approx(1 / (1 + np.exp(-1)))


def test_small_scores_keep_their_order() -> None:
    low, lower = patch_scores([0.0, 0.0], [60.0, 300.0])
    assert low > lower > 0


def test_repeated_windows_are_dropped() -> None:
    lesion, window, m, b = [0, 0, 1, 1, 0, 1], [0, 1, 0, 1, 0, 0], [2.0, -1, 0, 1, 2, 0], [0.0] * 6
    padded, clean = (lesion_scores(lesion[:n], window[:n], m[:n], b[:n], 2) for n in (6, 4))
    assert padded.score.tolist() == clean.score.tolist()
    assert padded.n_windows.tolist() == [2, 2]


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(24)))
def test_the_order_of_the_patches_does_not_change_a_bit(order: list[int]) -> None:
    lesion, window = plan(3, 8)
    m, b = np.random.default_rng(2).normal(scale=4, size=(2, 24))
    order = list(order)
    straight = lesion_scores(lesion, window, m, b, 3)
    shuffled = lesion_scores(lesion[order], window[order], m[order], b[order], 3)
    assert straight.score.tolist() == shuffled.score.tolist()
    assert straight.sd.tolist() == shuffled.sd.tolist()


@pytest.mark.parametrize("bad", [(np.nan, 0.0), (np.inf, np.inf), (-np.inf, -np.inf)])
def test_a_score_that_is_not_a_number_is_rejected(bad: tuple[float, float]) -> None:
    with pytest.raises(MammoError, match="lesion row 1, window 5: the patch score is not a number"):
        lesion_scores([0, 1], [3, 5], [0.0, bad[0]], [0.0, bad[1]], 2)


def test_a_lesion_without_windows_is_rejected() -> None:
    with pytest.raises(MammoError, match="lesion row 1 has no scored window"):
        lesion_scores([0, 2], [0, 0], [0.0, 0.0], [0.0, 0.0], 3)


@pytest.mark.parametrize("row", [-1, 2])
def test_a_lesion_row_outside_the_plan_is_rejected(row: int) -> None:
    with pytest.raises(MammoError, match=f"lesion row {row} of a patch is outside the plan of 2 rows"):
        lesion_scores([0, 1, row], [0, 0, 0], [0.0] * 3, [0.0] * 3, 2)


def test_one_window_has_standard_deviation_0() -> None:
    assert lesion_scores([0], [0], [1.0], [0.0], 1).sd.tolist() == [0.0]
