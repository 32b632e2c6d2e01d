"""Single lesions scored from Python: mammo.load returns a model with `score`, which needs no store and no label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mammo.geometry import CORNERS, CropWindows, FrameChain
from mammo.inference.case_image import Image, Placing
from mammo.inference.case_store import IMAGE_ID, CaseStore
from mammo.inference.ensemble import Ensemble, mean_saliency
from mammo.inference.given_images import GivenImages
from mammo.inference.missing_images import missing_images
from mammo.inference.outlines import Drawn, Outline, draw
from mammo.inference.placing import placing_of
from mammo.inference.scorer import SaliencyById
from mammo.inference.training_images import SEEN
from mammo.maps.view_sources import Kind
from mammo.records import Floats, MammoError
from mammo.reporting.cohort_figures import lesion_windows
from mammo.scoring.number_text import number_text
from mammo.store.notebook_html import facts_html
from mammo.training.results import Run

PHANTOMS = "The networks were trained on synthetic phantoms: the score tests the software and has no medical meaning."
CLIPPED = "A part of the outline lies beyond the image and was left out."

N_WINDOWS = 100
"""Windows of a lesion whose mean is its score (paper, Model evaluation)."""


@dataclass(frozen=True, eq=False)
class LesionScore:
    """The score of one lesion. It ranks lesions; it is not a probability of cancer.

    Attributes:
        score: in [0, 1], mean over the windows; higher means more likely malignant.
        score_sd: in [0, 0.5], standard deviation over the windows.
        window_scores: float64 [n] in [0, 1].
        windows: float64 [n, 4], (row, col, side, angle) of the crop windows, network px and degrees.
        saliency: float32 [2, 46, 30] in [0, 1], saliency maps of the image (malignant, benign) on the grid of the
            network window; None where the score uses no context network.
        warnings: sentences on what makes the score doubtful; empty if nothing does.
        chain: the frames from the pixels of the file to the network window.
    """

    score: float
    score_sd: float
    window_scores: Floats
    windows: Floats
    saliency: NDArray[np.float32] | None
    warnings: tuple[str, ...]
    chain: FrameChain = field(repr=False)

    @property
    def corners(self) -> Floats:
        """Corners [n, 4, 2] (row, col) of the windows in pixels of the image's file as a viewer shows it."""
        return self.chain.network_to_stored(CropWindows(self.windows).to_frame(np.array([CORNERS])))

    def __repr__(self) -> str:
        """Score, spread and warnings."""
        cautions = "".join(f"\n  {warning}" for warning in self.warnings)
        return f"<score {self.score:.4f}, SD {self.score_sd:.4f} over {len(self.window_scores)} windows>{cautions}"


@dataclass(frozen=True, eq=False)
class _Case:
    """The last image that was scored.

    Attributes:
        key: of the image, its other images, and what was said about them.
        store: its store.
        saliency: its maps and those of its other images, of each member.
        warnings: sentences on the other images.
    """

    key: str
    store: CaseStore
    saliency: Sequence[SaliencyById]
    warnings: tuple[str, ...]


class LesionModel:
    """The networks of a finished run, which score single lesions. Made by `load`.

    The last image stays in memory with its saliency maps, and those of its other images: several lesions of one image
    cost one pass of the context network.

    Args:
        ensemble: the networks.
        placing: how images are brought into their frame.
    """

    def __init__(self, ensemble: Ensemble, placing: Placing) -> None:
        self.ensemble, self.placing = ensemble, placing
        self._case: _Case | None = None

    @property
    def run(self) -> Run:
        """The run, of an ensemble the first one: its name, maps, seed, test AUC and so on."""
        return self.ensemble.run

    def score(
        self,
        image: Image,
        outline: Outline,
        laterality: str | None = None,
        view: str | None = None,
        n_windows: int = N_WINDOWS,
        pixel_spacing: float | None = None,
        other_view: Image | None = None,
        other_breast: Image | None = None,
    ) -> LesionScore:
        """Score one lesion, with or without a known label.

        The same image and outline always give the same score: that of the same lesion in a store (mammo.score).

        Args:
            image: the path of a DICOM, PNG or TIFF file, a pydicom Dataset, or gray values uint16 [H, W], 0 to 4095, as
                a viewer shows them: background dark, a right breast facing left.
            outline: mammo.Box, mammo.Circle, a mask bool [H, W], or the corners [N, 2] of a polygon; in pixels
                (row, col) of the image as a viewer shows it.
            laterality: L or R; needed where the image has no header, and must agree with one.
            view: CC or MLO; likewise.
            n_windows: crop windows that the score is the mean over (the paper: 100).
            pixel_spacing: mm between pixels of an image that states none; needed where images are brought to one
                spacing (data.scale=auto).
            other_view: the same breast in the other view, of the same exam: a file, data set or gray values uint16
                [H, W], as image; read by networks with maps ipsi only, which score without it where it is None.
            other_breast: the other breast in the same view: a file, data set or gray values uint16 [H, W], likewise;
                read by networks with maps contra only.

        Raises:
            MammoError: an image would be rejected by an ingest (with the reason and what to do), its laterality or
                view is missing or contradicts header or pixels, or the outline is not one of this image.
        """
        others: Mapping[Kind, Image | None] = {"ipsi": other_view, "contra": other_breast}
        case = self._opened(GivenImages(image, laterality, view, pixel_spacing, others))
        drawn = draw(outline, case.store.chain.stored_shape)
        return self._scored(case, drawn, n_windows)

    def figure(
        self,
        image: Image,
        outline: Outline,
        laterality: str | None = None,
        view: str | None = None,
        pixel_spacing: float | None = None,
        other_view: Image | None = None,
        other_breast: Image | None = None,
    ) -> Figure:
        """Draw one lesion with ten of its crop windows and their patches (paper, Figure 5); the title has its score.

        The image is drawn as a viewer shows its file. Sides of windows are in mm where the pixel spacing is known,
        otherwise in px of the network frame.

        Args:
            image: path, pydicom Dataset or gray values uint16 [H, W], as in `score`.
            outline: Box, Circle, mask bool [H, W] or polygon [N, 2], as in `score`.
            laterality: as in `score`.
            view: as in `score`.
            pixel_spacing: as in `score`.
            other_view: path, pydicom Dataset or gray values uint16 [H, W], as in `score`.
            other_breast: likewise, gray values uint16 [H, W], as in `score`.

        Raises:
            MammoError: as `score`.
        """
        others: Mapping[Kind, Image | None] = {"ipsi": other_view, "contra": other_breast}
        case = self._opened(GivenImages(image, laterality, view, pixel_spacing, others))
        drawn = draw(outline, case.store.chain.stored_shape)
        scored = self._scored(case, drawn, N_WINDOWS)
        ten = self.ensemble.members[0].datamodule(case.store.path, 10)
        plan, data = ten.evaluation_plan(None), ten.split_data(None)
        title = f"score {number_text(scored.score)}: not a medical finding"
        return lesion_windows(data.manifest, data.reader, plan, title, as_in_file=True)

    def _scored(self, case: _Case, drawn: Drawn, n_windows: int) -> LesionScore:
        case.store.tables([drawn])
        data = self.ensemble.datamodules(case.store.path, _whole(n_windows))
        scores, plan = self.ensemble.score(data, case.saliency).mean.scores, data[0].evaluation_plan(None)
        warnings = [*case.warnings, *missing_images(data[0], IMAGE_ID), *([CLIPPED] if drawn.clipped else [])]
        warnings += case.store.warnings(drawn)
        trained = self.ensemble.training_images
        warnings += [SEEN] if trained and trained.knows(case.store.image.sha256) else []
        warnings += [PHANTOMS] if self.ensemble.trained_on_phantoms else []
        return LesionScore(
            score=float(scores.score[0]),
            score_sd=float(scores.sd[0]),
            window_scores=scores.window_score,
            windows=plan.windows.copy(),
            saliency=mean_saliency(case.saliency, IMAGE_ID),
            warnings=tuple(warnings),
            chain=case.store.chain,
        )

    def _opened(self, given: GivenImages) -> _Case:
        """The store and saliency maps of given images: those of the last ones if they are the same."""
        with given.files(self.ensemble.members[0].other_images) as files:
            key = files.key()
            if self._case is not None and self._case.key == key and key:
                return self._case
            image, others, warnings = files.read(self.placing)
        store = CaseStore(image, self.placing.frame, others)
        self._case = _Case(key, store, self.ensemble.saliency(store.path, store.tables(), [IMAGE_ID]), warnings)
        return self._case

    def _repr_html_(self) -> str:
        """What the model is, for notebooks."""
        run = self.run
        facts = {"run": run.name, "model": run.title, "seed": run.seed, "trained on": run.data or "unknown data"}
        facts |= {"test AUC": number_text(run.test_auc), "frame": self.placing.frame, "folder": run.folder}
        return facts_html(facts)

    def __repr__(self) -> str:
        """The run and its frame."""
        return f"<model {self.run.name}, trained on {self.run.data or 'unknown data'}, {self.placing.frame}>"


def _whole(n_windows: object) -> int:
    """The number of windows as int; numpy's integers count."""
    if isinstance(n_windows, bool) or not isinstance(n_windows, int | np.integer) or n_windows < 1:
        raise MammoError(f"n_windows={n_windows!r}: give a whole number of at least 1")
    return int(n_windows)


def load(
    run: str | Path, allow_targets: Sequence[str] = (), scale: float | Literal["auto"] | None = None
) -> LesionModel:
    """The model of a bundle or of a finished run, with its networks loaded once.

    Args:
        run: a model bundle (mammo bundle); or the folder of a finished f_agg or f_loc run, where the runs that it reads
            lie where they did, relative to it.
        allow_targets: your own packages whose classes the run's configuration may name.
        scale: store pixels per pixel of an image, above 0, or "auto": each image is brought to the spacing of the store
            which the run was trained on, by the spacing that its file states. None for the scale of that store; "auto"
            where any of its sources was ingested with data.scale=auto.

    Raises:
        MammoError: there is no such bundle or run, it was changed, one of its networks is missing, its configuration
            names a class that is rejected, or the scale is unknown.
    """
    ensemble = Ensemble.load(Path(run), allow_targets)
    return LesionModel(ensemble, placing_of(ensemble.members[0], scale))
