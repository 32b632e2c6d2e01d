"""Where f_agg's saliency maps come from: the configured source (conf/context), and what names it."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from omegaconf import DictConfig

from mammo.data.dataset import SaliencySource
from mammo.maps.saliency import External, Shuffled, Zeros
from mammo.models.weight_files import read_weights
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from mammo.store.saliency_cache import SaliencyMaps
from mammo.training.run_dir import chosen_run


@dataclass(frozen=True)
class SaliencyInput:
    """A source of saliency maps and what names its content.

    Attributes:
        source: from image ids to maps.
        digest: of what the maps come from; empty where they come from nothing.
        checkpoint: the context network's, where there is one.
    """

    source: SaliencySource
    digest: str
    checkpoint: Path | None = None


def context_checkpoint(asked: str, root: Path, seed: int) -> Path:
    """The checkpoint of the context network that context.run names.

    Args:
        asked: best, paired, the folder of a finished context run, or a .ckpt file.
        root: below it are the runs among which best and paired choose.
        seed: whose context network paired means.

    Raises:
        MammoError: there is none.
    """
    path = Path(asked)
    return path if path.suffix == ".ckpt" else chosen_run(asked, root, "context", seed) / "best.ckpt"


def saliency_cache(checkpoint: Path, root: Path, manifest: Manifest) -> SaliencyMaps:
    """The saved maps of a context network for the images of a store, complete or not.

    They lie in <root>/saliency/<name>-<digest>, the digest being of the network's weights.
    """
    name = checkpoint.parent.name if checkpoint.name == "best.ckpt" else checkpoint.stem
    folder = root / "saliency" / f"{name}-{weights_digest(checkpoint)[:16]}"
    run = checkpoint.parent if checkpoint.name == "best.ckpt" else checkpoint
    advice = f"python -m mammo.precompute what=saliency root={root} run={run}"
    return SaliencyMaps(folder, manifest.image_digests(), advice)


def weights_digest(checkpoint: Path) -> str:
    """Hex digest of a checkpoint's weights, whatever else it holds; MammoError as read_weights."""
    state = read_weights(checkpoint).get("state_dict", {})
    digest = sha256()
    for key in sorted(state):
        digest.update(key.encode() + state[key].contiguous().numpy().tobytes())
    return digest.hexdigest()


def saliency_input(cfg: DictConfig, manifest: Manifest) -> SaliencyInput:
    """The configured source of saliency maps, complete for every image of the store.

    Raises:
        MammoError: the source is unknown, or what it reads is missing, stale or of the wrong size.
    """
    sources = {"gmic": _gmic, "shuffled": _shuffled, "zeros": _zeros, "external": _external}
    if cfg.context.source not in sources:
        raise MammoError(f"context.source={cfg.context.source}: choose from {', '.join(sources)}")
    return sources[cfg.context.source](cfg, manifest)


def _gmic(cfg: DictConfig, manifest: Manifest) -> SaliencyInput:
    checkpoint = context_checkpoint(cfg.context.run, Path(cfg.root), cfg.seed)
    maps = saliency_cache(checkpoint, Path(cfg.root), manifest)
    maps.check()
    return SaliencyInput(maps, maps.folder.name.rsplit("-", 1)[-1], checkpoint)


def _shuffled(cfg: DictConfig, manifest: Manifest) -> SaliencyInput:
    true = _gmic(cfg, manifest)
    images = manifest.images
    kinds = dict(zip(images.index, images["split"] + " " + images["view"], strict=True))
    return replace(true, source=Shuffled(true.source, kinds, cfg.context.seed))


def _zeros(_: DictConfig, manifest: Manifest) -> SaliencyInput:
    return SaliencyInput(Zeros(manifest.frame.grid), "")


def _external(cfg: DictConfig, manifest: Manifest) -> SaliencyInput:
    source = External(Path(cfg.context.folder), manifest.frame.grid)
    digest = sha256()
    for image_id in manifest.images.index:
        digest.update(source([image_id]).tobytes())
    return SaliencyInput(source, digest.hexdigest()[:16])
