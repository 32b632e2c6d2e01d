"""The embedding map E: h painted where the location indicator map is not zero (paper, The proposed method)."""

from torch import Tensor


def embedding_map(h: Tensor, location: Tensor) -> Tensor:
    """E [B, 32, rows, cols]: copies of I [B, 1, rows, cols] whose non-zero elements are replaced by h [B, 32]."""
    return h[:, :, None, None] * (location > 0).to(h.dtype)
