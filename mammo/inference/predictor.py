"""Predictions for the lesions of one image, by the networks and the facts of a bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mammo.geometry import FrameChain
from mammo.inference.bundle_facts import BundleFacts
from mammo.inference.case_image import CaseImage, Placing
from mammo.inference.case_reading import Request
from mammo.inference.case_store import IMAGE_ID, CaseStore
from mammo.inference.ensemble import Ensemble, EnsembleScores, mean_saliency
from mammo.inference.lesion_model import CLIPPED, N_WINDOWS, PHANTOMS
from mammo.inference.missing_images import missing_images
from mammo.inference.other_image import other_images_of
from mammo.inference.outline_changes import CHANGES, changed_outlines
from mammo.inference.outlines import Drawn
from mammo.inference.placing import placing_of
from mammo.inference.prediction import LesionPrediction, ThresholdResult
from mammo.inference.training_images import SEEN
from mammo.maps.view_sources import Kind
from mammo.records import MammoError


@dataclass(frozen=True)
class PredictOptions:
    """How lesions are scored.

    Attributes:
        n_windows: windows per lesion (the paper: 100).
        changes: whether the score is computed anew for changed outlines, ten more scores for each lesion.
        prevalence: share of malignant lesions among those that are scored, in (0, 1), by which the probability is
            re-based; None for that of the validation lesions.
    """

    n_windows: int = N_WINDOWS
    changes: bool = True
    prevalence: float | None = None


class Predictor:
    """Scores the lesions of images; the networks are loaded once.

    Args:
        ensemble: the networks of a bundle.
        facts: of the bundle.
        options: how lesions are scored.

    Attributes:
        placing: how images are brought into the frame of the networks.
    """

    def __init__(self, ensemble: Ensemble, facts: BundleFacts, options: PredictOptions) -> None:
        self.ensemble, self.facts, self.options = ensemble, facts, options
        self.placing: Placing = placing_of(ensemble.members[0])

    @classmethod
    def load(cls, path: Path, options: PredictOptions, allowed: Sequence[str] = ()) -> "Predictor":
        """The predictor of a bundle.

        Args:
            path: of the bundle.
            options: how lesions are scored.
            allowed: packages that its configurations may name classes of (allow_targets).

        Raises:
            MammoError: as Ensemble.load, or the path is the folder of a run, which has no thresholds.
        """
        ensemble = Ensemble.load(path, allowed)
        if ensemble.bundle is None:
            raise MammoError(f"{path} is the folder of a run: make a bundle of it with mammo bundle {path} -o FILE")
        return cls(ensemble, BundleFacts.of(ensemble.bundle), options)

    @property
    def other_images(self) -> tuple[Kind, ...]:
        """The other images of an exam that the scores depend on (Scorer.other_images)."""
        return self.ensemble.members[0].other_images

    def predict(
        self, image: CaseImage, requests: Sequence[Request], others: Sequence[CaseImage] = ()
    ) -> tuple[LesionPrediction, ...]:
        """The predictions for the lesions of an image, in the order of the requests.

        Args:
            image: decoded and placed by `placing`.
            requests: its lesions, at least one.
            others: other images of its exam, likewise.
        """
        store = CaseStore(image, self.placing.frame, others)
        changed = [self._changed(image, one.outline) for one in requests]
        drawn = [one.outline for one in requests]
        drawn += [outline for each in changed for outline in each.values() if outline is not None]
        manifest = store.tables(drawn)
        saliency = self.ensemble.saliency(store.path, manifest, [IMAGE_ID])
        data = self.ensemble.datamodules(store.path, self.options.n_windows)
        scores = self.ensemble.score(data, saliency, without_context=True)
        windows, h = data[0].evaluation_plan(None).windows, self.ensemble.representations(data)
        missing = missing_images(data[0], IMAGE_ID)
        found, of_changes = [], iter(scores.mean.scores.score[len(requests) :].tolist())
        for row, (request, own) in enumerate(zip(requests, changed, strict=True)):
            base = float(scores.mean.scores.score[row])
            changes = {name: None if one is None else next(of_changes) - base for name, one in own.items()}
            span = slice(row * self.options.n_windows, (row + 1) * self.options.n_windows)
            one = self._prediction(store, request, scores, row, changes)
            read = tuple(other_images_of(store, manifest, self.other_images, saliency, request.outline))
            one = replace(one, windows=windows[span].copy(), h=None if h is None else h[span].mean(axis=0))
            one = replace(one, saliency=mean_saliency(saliency, IMAGE_ID), others=read)
            one = replace(one, warnings=(*missing, *one.warnings))
            found.append(one)
        return tuple(found)

    def _changed(self, image: CaseImage, outline: Drawn) -> Mapping[str, Drawn | None]:
        if not self.options.changes:
            return {}
        chain: FrameChain = image.admitted.chain
        return changed_outlines(outline, chain.stored_shape, image.admitted.spacing_mm)

    def _prediction(
        self,
        store: CaseStore,
        request: Request,
        scores: EnsembleScores,
        row: int,
        changes: Mapping[str, float | None],
    ) -> LesionPrediction:
        score, spread = float(scores.mean.scores.score[row]), scores.sd_seeds()
        without = scores.without_context
        prevalence = self.options.prevalence or self.facts.calibration.prevalence
        calibrated = self.facts.calibration.probability([score], self.options.prevalence)
        return LesionPrediction(
            lesion_id=request.lesion_id,
            outline=request.outline,
            chain=store.chain,
            score=score,
            score_sd=float(scores.mean.scores.sd[row]),
            score_sd_seeds=None if spread is None else float(spread[row]),
            probability=float(calibrated[0]),
            prevalence=prevalence,
            score_without_context=None if without is None else float(without.scores.score[row]),
            thresholds=tuple(ThresholdResult(each, score < each.threshold) for each in self.facts.thresholds),
            outline_sensitivity={name: changes[name] for name in CHANGES} if changes else {},
            warnings=self._warnings(store, request.outline),
        )

    def _warnings(self, store: CaseStore, outline: Drawn) -> tuple[str, ...]:
        found = [CLIPPED] if outline.clipped else []
        found += [SEEN] if self.facts.images.knows(store.image.sha256) else []
        found += [*store.warnings(outline), *self.facts.ranges.warnings(store.facts(outline))]
        return (*found, *([PHANTOMS] if self.ensemble.trained_on_phantoms else []))
