"""The configured sources of f_agg's maps of images: S, and those made from S of the other images of the exam."""

from collections.abc import Callable, Container, Mapping

from omegaconf import DictConfig

from mammo.data.dataset import ImageMapSource
from mammo.maps.landmarks import landmarks
from mammo.maps.other_views import Landmarks
from mammo.maps.saliency import ShuffledMaps
from mammo.maps.view_sources import KINDS, OtherViewMaps, others_of_other_patients
from mammo.store.manifest import Manifest
from mammo.store.other_images import other_images
from mammo.store.splits import of_fold
from mammo.training.build import shuffled_maps


def image_map_sources(
    cfg: DictConfig, manifest: Manifest, saliency: ImageMapSource, columns: Container[str]
) -> dict[str, ImageMapSource]:
    """The configured sources of the batch columns saliency, ipsi and contra; with context=shuffled of wrong images.

    Args:
        cfg: the configuration.
        manifest: of the store.
        saliency: source of true saliency maps.
        columns: those that the network reads; others have no source.
    """
    shuffled, kinds = shuffled_maps(cfg), [kind for kind in KINDS if kind in columns]
    images, own = of_fold(manifest, cfg.fold).images if shuffled else manifest.images, saliency
    groups = dict(zip(images.index, images["split"] + " " + images["view"], strict=True))
    patients = dict(zip(images.index, images["patient_id"], strict=True))
    if "sal" in shuffled or ("contra" in shuffled and "sal" not in cfg.maps):  # contra's maps hold own S, too
        own = ShuffledMaps(saliency, patients, groups, cfg.context.seed)
    sources: dict[str, ImageMapSource] = {"saliency": own}
    if not kinds:
        return sources
    pairs, places = other_images(images), landmarks(manifest)
    for kind in kinds:
        others = dict(zip(images.index, pairs[kind], strict=True))
        if kind in shuffled:
            others = others_of_other_patients(_compared(others, places), patients, groups, cfg.context.seed)
        sources[kind] = OtherViewMaps(kind, others, places, own, saliency, manifest.frame)
    return sources


def _compared(others: Mapping[str, str], places: Callable[[str], Landmarks]) -> dict[str, str]:
    """The other image of each image; empty, too, where a nipple of the two was not found, so that presence is 0."""
    return {
        image_id: other if other and all(places(one).nipple for one in (image_id, other)) else ""
        for image_id, other in others.items()
    }
