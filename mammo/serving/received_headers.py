"""What the headers of received files say: the images that a segmentation names, and the study of an image."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from mammo.intake.rejections import RejectedError
from mammo.serving.received_object import referenced_images, study_of


def arrival(received: Path) -> int:
    """When a received file was written, ns since 1970."""
    return received.stat().st_mtime_ns


class ReceivedHeaders:
    """The headers of a queue's files; each is read once, because no file ever changes."""

    def __init__(self) -> None:
        self._named: dict[str, list[str]] = {}
        self._studies: dict[str, tuple[str, str]] = {}

    def named_by(self, outlines: Path) -> list[str]:
        """The SOP Instance UIDs of the images that a segmentation names; none where it is damaged on this disk."""
        if outlines.name not in self._named:
            try:
                self._named[outlines.name] = sorted(referenced_images(outlines))
            except RejectedError:
                return []
        return self._named[outlines.name]

    def others_of(self, images: Iterable[Path]) -> dict[Path, tuple[Path, ...]]:
        """For each of these images the others of its patient and study, in order of arrival; none without a study."""
        studies: dict[tuple[str, str], list[Path]] = defaultdict(list)
        for image in sorted(images, key=arrival):
            studies[self._study(image)].append(image)
        return {
            image: tuple(other for other in same if other != image) if study[1] else ()
            for study, same in studies.items()
            for image in same
        }

    def forget(self, received: Path) -> None:
        """Forget a file that was removed."""
        self._named.pop(received.name, None)
        self._studies.pop(received.name, None)

    def _study(self, image: Path) -> tuple[str, str]:
        """Patient and study; empty where the file is damaged on this disk."""
        if image.name not in self._studies:
            try:
                self._studies[image.name] = study_of(image)
            except RejectedError:
                return "", ""
        return self._studies[image.name]
