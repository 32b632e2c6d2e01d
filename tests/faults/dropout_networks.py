"""The networks that mammo itself gives no dropout, with it."""

from torch import Tensor
from torch.nn import functional

from mammo.models.context_network import ContextNetwork
from mammo.models.fagg import FAgg
from mammo.records import Batch

SHARE = 0.3


class DropoutContextNetwork(ContextNetwork):
    """A context network with dropout of pixels."""

    def training_step(self, batch: Batch, number: int) -> Tensor:
        """The loss of a batch."""
        return super().training_step(batch | {"image": functional.dropout(batch["image"].float(), SHARE)}, number)


class DropoutFAgg(FAgg):
    """An f_agg with dropout of h."""

    def forward(self, batch: Batch) -> Tensor:
        """Logits of a batch."""
        return super().forward(batch | {"embedding": functional.dropout(batch["embedding"], SHARE, self.training)})
