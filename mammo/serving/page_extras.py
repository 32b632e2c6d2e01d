"""What a page shows and does beside scoring, where its options ask for it."""

from dataclasses import dataclass, replace
from pathlib import Path

from mammo.dicom_out.results import check_dicom_extra
from mammo.inference.predictor import Predictor
from mammo.serving.application_entity import Address
from mammo.serving.page_neighbors import PageNeighbors
from mammo.serving.page_saves import Saves


@dataclass(frozen=True)
class Extras:
    """The extras of a page.

    Attributes:
        peer: results can be sent there.
        saves: keeps every score.
        neighbors: similar lesions.
    """

    peer: Address | None = None
    saves: Saves | None = None
    neighbors: PageNeighbors | None = None

    @classmethod
    def asked(cls, peer: Address | None, save: Path | None, data: Path | None) -> "Extras":
        """The extras that need no networks.

        Args:
            peer: None for none.
            save: folder of the scores; None for none.
            data: the folder that the page lists images of; None for none.

        Raises:
            MammoError: the extra dicom is not installed, which a peer needs, or as Saves.into.
        """
        if peer is not None:
            check_dicom_extra()
        saves = None if save is None else Saves.into(save, data)
        return cls(peer, saves)

    def with_neighbors(self, predictor: Predictor, store: Path, terms: str | None) -> "Extras":
        """These extras, with the similar lesions of a store; MammoError as PageNeighbors.of_store."""
        return replace(self, neighbors=PageNeighbors.of_store(predictor, store, terms))


NO_EXTRAS = Extras()
