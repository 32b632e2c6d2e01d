"""A network that fails in the second of two processes, while the first one waits as in an exchange of a GPU network."""

import time

from torch import Tensor

from mammo.models.floc import FLoc
from mammo.records import Batch, MammoError

WAIT_S = 600.0


class FailingFLoc(FLoc):
    """Fails in its second step."""

    def training_step(self, batch: Batch, number: int) -> Tensor:
        """As in FLoc for one step."""
        if number == 1 and self.global_rank == 1:
            raise MammoError("the second process fails")
        if number == 1:
            time.sleep(WAIT_S)
        return super().training_step(batch, number)
