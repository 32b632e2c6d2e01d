"""Activation checkpointing: less memory in training for a second forward pass, with the same result to the last bit."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def checkpointed(stages: Iterable[nn.Module]) -> None:
    """Make each stage, in training, keep its input only and compute the rest once more in backward."""
    for stage in stages:
        stage.forward = _Recomputed(stage)


class _Recomputed:
    """A stage's forward, run under checkpointing while the stage is in training."""

    def __init__(self, stage: nn.Module) -> None:
        self.stage, self.plain = stage, stage.forward

    def __call__(self, x: Tensor) -> Tensor:
        if not self.stage.training:
            plain: Tensor = self.plain(x)
            return plain
        out: Tensor = checkpoint(self.plain, x, use_reentrant=False, context_fn=self._contexts)
        return out

    def _contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _statistics_at_rest(self.stage)


@contextmanager
def _statistics_at_rest(stage: nn.Module) -> Iterator[None]:
    """Keep the second pass from moving the running statistics a second time."""
    norms = [module for module in stage.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked.sub_(1)
