"""Losses and confusion of the patch classes against scikit-learn, whatever the batches."""

import numpy as np
import torch
from sklearn.metrics import confusion_matrix, log_loss

from mammo.models.patch_tally import PatchTally


def test_losses_and_confusion_are_those_of_the_epoch() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(50, 4, generator=generator), torch.randint(0, 3, (50,), generator=generator)
    tally = PatchTally()
    for rows in torch.arange(50).split(7):
        tally.add(logits[rows], target[rows])
    tally.close()
    assert np.array_equal(tally.confusion, confusion_matrix(target, logits.argmax(dim=1), labels=range(4)))
    p = torch.softmax(logits.double(), dim=1).numpy()
    for number in range(3):
        own = (target == number).numpy()
        expected = log_loss(target[own], p[own], labels=range(4))
        assert abs(tally.loss[number].item() - expected) < 1e-6
    assert tally.loss[3].isnan(), "no patch of the class, no loss"


def test_every_epoch_starts_anew() -> None:
    tally = PatchTally()
    tally.add(torch.zeros(5, 4), torch.zeros(5, dtype=torch.int64))
    tally.close()
    tally.close()
    assert tally.confusion.sum() == 0
    assert tally.loss.isnan().all()
