"""The configured source of f_agg's saliency maps (conf/context), and the digest that identifies it."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from omegaconf import DictConfig

from mammo.data.dataset import ImageMapSource
from mammo.maps.saliency import ExternalMaps, ZeroMaps
from mammo.models.weight_files import read_weights, weights_of
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from mammo.store.saliency_cache import SaliencyMaps
from mammo.training.run_dir import Division, chosen_run, paired_seed, require_finished
from mammo.training.run_files import file_digest, verified


@dataclass(frozen=True)
class SaliencyInput:
    """A source of saliency maps with the digest of its content.

    Attributes:
        source: function from image ids to S.
        digest: of the network or files behind the maps; empty for maps of zeros.
        checkpoint: of the context network, where the maps come from one.
    """

    source: ImageMapSource
    digest: str
    checkpoint: Path | None = None


def context_checkpoint(
    key: str, name: str | None, root: Path, seed: int | None = None, division: Division | None = None
) -> Path:
    """The checkpoint of the context network that a configuration names, else of the best one.

    Args:
        key: of the configuration that names it, for messages.
        name: the folder of a finished context run, or a .ckpt file; None to choose among the runs below root.
        root: the folder of folders (groups) of runs.
        seed: choose among the runs of this training seed only; None for any.
        division: division of patients that the context run must have; None for any. A .ckpt file of a run is checked
            like its run; nothing is known of another one.

    Raises:
        MammoError: no finished context run fits.
    """
    path = Path(name or "")
    if path.suffix != ".ckpt":
        return chosen_run(key, name, root, "context", seed, division) / "best.ckpt"
    if (path.parent / "result.json").is_file():
        require_finished(path.parent, "context", division)
    return path


def saliency_cache(checkpoint: Path, root: Path, manifest: Manifest) -> SaliencyMaps:
    """The cached maps of a context network for the images of a store, complete or not.

    The cache is the folder <root>/saliency/<name>-<digest>, with the digest of the network's weights.
    """
    name = checkpoint.parent.name if checkpoint.name == "best.ckpt" else checkpoint.stem
    folder = root / "saliency" / f"{name}-{weights_digest(checkpoint)[:16]}"
    run = checkpoint.parent if checkpoint.name == "best.ckpt" else checkpoint
    advice = f"python -m mammo.precompute what=saliency root={root} run={run}"
    return SaliencyMaps(folder, manifest.image_digests(), manifest.frame.grid, advice)


def weights_digest(checkpoint: Path) -> str:
    """Hex digest of a checkpoint's weights, independent of its other content; MammoError as read_weights."""
    path = verified(checkpoint)
    return _weights_digest(path, file_digest(path) if path.is_file() else "")


@lru_cache(maxsize=64)
def _weights_digest(checkpoint: Path, content: str) -> str:
    """As weights_digest, of a file with this SHA-256: the jobs of a sweep read the same network."""
    state = weights_of(read_weights(checkpoint), checkpoint)
    digest = sha256()
    for key in sorted(state):
        digest.update(key.encode() + state[key].contiguous().numpy().tobytes())
    return digest.hexdigest()


def saliency_input(cfg: DictConfig, manifest: Manifest) -> SaliencyInput:
    """The configured source of true saliency maps, complete for every image of the store.

    Args:
        cfg: the configuration.
        manifest: of the store.

    Raises:
        MammoError: the source is unknown, or its maps are missing, out of date or of the wrong size.
    """
    sources = {"gmic": _gmic, "shuffled": _gmic, "zeros": _zeros, "external": _external}
    if cfg.context.source not in sources:
        raise MammoError(f"context.source={cfg.context.source}: choose from {', '.join(sources)}")
    return sources[cfg.context.source](cfg, manifest)


def _gmic(cfg: DictConfig, manifest: Manifest) -> SaliencyInput:
    division = Division.of(cfg.fold, manifest)
    checkpoint = context_checkpoint("context.run", cfg.context.run, Path(cfg.root), paired_seed(cfg), division)
    maps = saliency_cache(checkpoint, Path(cfg.root), manifest)
    maps.check()
    return SaliencyInput(maps, maps.folder.name.rsplit("-", 1)[-1], checkpoint)


def _zeros(_: DictConfig, manifest: Manifest) -> SaliencyInput:
    return SaliencyInput(ZeroMaps(manifest.frame.grid), "")


def _external(cfg: DictConfig, manifest: Manifest) -> SaliencyInput:
    source = ExternalMaps(Path(cfg.context.folder), manifest.frame.grid)
    digest = sha256()
    for image_id in manifest.images.index:
        digest.update(source([image_id]).tobytes())
    return SaliencyInput(source, digest.hexdigest()[:16])
