"""f_loc, the patch classifier: backbone, 32-number representation h, four classes (paper, Figure 4a)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from mammo.models.backbones import Backbone, he_initialize
from mammo.models.patch_classifier import PatchClassifier
from mammo.models.precision import in_float32, to_channels_last
from mammo.records import FULL_SCALE, Batch, PatchClass


class FLoc(PatchClassifier):
    """The patch classifier f_loc. Its last two layers are always initialized at random.

    The paper names no activation between the two, so there is none: h has values of both signs. Both layers are float32
    in mixed precision, too, because h is stored and the layers are cheap.

    Args:
        backbone: arguments of Backbone (conf/backbone).
        lr: Adam's learning rate.
        loss: as PatchClassifier.
        n_features: length of h.
    """

    columns: ClassVar[tuple[str, ...]] = ("patch",)
    saves_embeddings: ClassVar[bool] = True

    def __init__(
        self, backbone: Mapping[str, Any], lr: float, loss: nn.Module | None = None, n_features: int = 32
    ) -> None:
        super().__init__(lr, loss)
        # A checkpoint holds every weight, so that loading one needs no file of ImageNet weights.
        start = {**backbone, "init": "he", "pretrained_file": None}
        self.save_hyperparameters({"backbone": start, "lr": lr, "n_features": n_features})
        self.backbone = to_channels_last(Backbone(**backbone))
        self.representation = nn.Linear(self.backbone.num_features, n_features)
        self.classifier = nn.Linear(n_features, len(PatchClass))
        he_initialize(self.representation)
        he_initialize(self.classifier)

    def represent(self, patch: Tensor) -> Tensor:
        """The representation h of patches.

        Args:
            patch: [B, 1, P, P], gray values of the store, 0 to 4095, as uint16 or float.

        Returns:
            float32 [B, n_features].
        """
        return in_float32(self.representation, self.backbone(patch.float() / FULL_SCALE))

    def forward(self, patch: Tensor) -> Tensor:
        """Logits [B, 4] by PatchClass, float32, of patches [B, 1, P, P] of gray values 0 to 4095, uint16 or float."""
        return self._classify(self.represent(patch))

    def batch_logits(self, batch: Batch) -> Tensor:
        """Logits [B, 4] of a batch with the column embedding (precomputed h [B, n_features]) or patch [B, 1, P, P]."""
        if "embedding" in batch:
            return self._classify(batch["embedding"])
        logits: Tensor = self(batch["patch"])
        return logits

    def _classify(self, h: Tensor) -> Tensor:
        return in_float32(self.classifier, h)
