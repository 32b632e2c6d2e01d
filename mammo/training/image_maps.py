"""The configured sources of f_agg's maps of images: S, and those made from S of the other images of the exam."""

from collections.abc import Container
from dataclasses import replace

from omegaconf import DictConfig

from mammo.data.dataset import ImageMapSource
from mammo.maps.saliency import ShuffledMaps
from mammo.maps.view_sources import KINDS, OtherViewMaps, others_of_other_patients, view_sources
from mammo.store.manifest import Manifest
from mammo.store.splits import of_fold
from mammo.training.build import shuffled_maps


def image_map_sources(
    cfg: DictConfig, manifest: Manifest, saliency: ImageMapSource, columns: Container[str]
) -> dict[str, ImageMapSource]:
    """The configured sources of saliency [N, 2, rows, cols], ipsi [N, 3, ...] and contra [N, 5, rows, cols].

    With context=shuffled they are those of wrong images.

    Args:
        cfg: the configuration.
        manifest: of the store.
        saliency: source of true saliency maps [N, 2, rows, cols].
        columns: those that the network reads; others have no source.
    """
    kinds = [kind for kind in KINDS if kind in columns]
    if not (shuffled := shuffled_maps(cfg)):
        return {"saliency": saliency, **view_sources(manifest, kinds, saliency, saliency)}
    images, own = of_fold(manifest, cfg.fold).images, saliency
    groups = dict(zip(images.index, images["split"] + " " + images["view"], strict=True))
    patients = dict(zip(images.index, images["patient_id"], strict=True))
    if "sal" in shuffled or ("contra" in shuffled and "sal" not in cfg.maps):  # contra's maps hold own S, too
        own = ShuffledMaps(saliency, patients, groups, cfg.context.seed)
    sources: dict[str, ImageMapSource] = {"saliency": own}
    for kind, source in view_sources(manifest, kinds, own, saliency).items():
        sources[kind] = source
        if kind in shuffled:
            wrong = others_of_other_patients(_compared(source), patients, groups, cfg.context.seed)
            sources[kind] = replace(source, others=wrong)
    return sources


def _compared(source: OtherViewMaps) -> dict[str, str]:
    """The other image of each image; empty, too, where a nipple of the two was not found, so that presence is 0."""
    pairs = {image_id: source.pair(image_id) for image_id in source.others}
    return {
        image_id: pair.other if pair and pair.own.nipple and pair.others.nipple else ""
        for image_id, pair in pairs.items()
    }
