"""Answers of the page about images and similar lesions, as /openapi.json describes them."""

from typing import Literal

from mammo.serving.api_schema import Described, Digest, Point


class BundleFacts(Described):
    """The bundle that makes the scores."""

    digest: Digest
    """SHA-256 of the bundle."""
    name: str
    """Name of the bundle."""
    version: str
    """Version of mammo that wrote it."""
    trained_on: list[str]
    """Data sets of its training images."""
    model: str
    """Its model, as in f_agg sal+emb."""
    n_members: int
    """Number of trainings whose scores are averaged."""


class PageFacts(Described):
    """What stands on every screen, and what the page can do."""

    bundle: BundleFacts
    """The bundle."""
    use: str
    """What scores are for."""
    phantoms: str
    """A warning where the networks were trained on synthetic images; else empty."""
    peer: str
    """Where results can be sent, AET@HOST:PORT; empty for nowhere."""
    has_neighbors: bool
    """Whether similar lesions can be shown."""


class ListedFile(Described):
    """An image of the folder of --data; its number is its place in the list, from 0."""

    name: str
    """Path below the folder."""
    n_outlines: int
    """Outlines that the folder has for it."""
    exam: list[int | None]
    """Numbers of the images of its exam: right CC, left CC, right MLO, left MLO; null for none."""
    prior: int | None
    """Number of the same view of the last earlier exam; null for none."""


class KnownOutline(Described):
    """An outline that a file gives."""

    id: str
    """Of the lesion in that file."""
    points: list[Point]
    """Corners of the polygon, (row, col), px of the image's file."""
    is_exact: bool
    """Whether the polygon encloses all that is scored, and nothing else."""


class OpenedImage(Described):
    """An image that was opened."""

    key: str
    """Of the image in further addresses."""
    name: str
    """Path below the folder of --data; empty for an upload."""
    rows: int
    """Height, px."""
    cols: int
    """Width, px."""
    spacing_mm: float
    """Between pixels; 0 if unknown."""
    laterality: Literal["L", "R"]
    """The breast."""
    view: Literal["CC", "MLO"]
    """The view."""
    faces_left: bool
    """Whether the chest wall is at the right edge."""
    flags: list[str]
    """What is doubtful about the image, a sentence each."""
    problems: list[str]
    """Why outlines of the folder cannot be used, a sentence each."""
    known: list[KnownOutline]
    """Outlines that files give."""
    no_results: str
    """Why there can be no DICOM results; empty if there can."""
    patient: str
    """Equal for images of one patient, in this session only; empty if unknown."""
    exam: str
    """Likewise for images of one exam."""


class LoadedOutlines(Described):
    """The outlines of an image after more were loaded."""

    known: list[KnownOutline]
    """All outlines that files give, those of this file last."""
    problems: list[str]
    """Why some of this file cannot be used, a sentence each."""


class Sent(Described):
    """What became of results that were sent."""

    sent: str
    """A sentence on what the peer has confirmed."""


class SimilarLesion(Described):
    """A labeled lesion of the store."""

    number: int
    """Of its picture."""
    label: str
    """Malignant or benign."""
    label_source: str
    """Where the label is from."""
    split: str
    """Split of its store: train or val."""
    laterality: str
    """The breast, L or R."""
    view: str
    """The view, CC or MLO."""
    score: float
    """Score of the bundle, in [0, 1]."""
    is_seen: bool
    """Whether the networks were trained or selected on it."""


class SimilarLesions(Described):
    """The lesions that are most similar to the last one that was scored."""

    about: list[str]
    """Sentences on what was searched, and what it means."""
    lesions: list[SimilarLesion]
    """The most similar first."""
