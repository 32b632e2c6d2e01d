"""Outlines that a reader loads from a file for an image that is open in the page."""

from pathlib import Path, PurePosixPath

from mammo.inference.case_list import TABLES
from mammo.inference.outline_files import OutlineFile, check_size, read_outlines
from mammo.intake.rejections import Code
from mammo.intake.sandbox import isolated
from mammo.intake.source_folder import standardized_path
from mammo.records import MammoError
from mammo.serving.page_files import upload_name
from mammo.serving.page_images import UPLOADED, WORKERS, OpenImage
from mammo.serving.page_words import in_page


def outlines_name(said: str, head: bytes) -> str:
    """The name under which a file with outlines is read: by its suffix a table, else by its first bytes."""
    suffix = PurePosixPath(said).suffix.lower()
    return "outlines" + (suffix if suffix in TABLES else PurePosixPath(upload_name(head)).suffix)


def load_outlines(image: OpenImage, file: Path, named: str) -> tuple[str, ...]:
    """Add the outlines of a file to those that an open image has.

    Args:
        image: the image.
        file: the file, in a folder of its own, by the name of outlines_name.
        named: the file name of the image; not used where the image is one of the folder.

    Returns:
        Why some cannot be used, a sentence each.

    Raises:
        MammoError: none can be used.
    """
    admitted = image.image.admitted
    path = image.name if not image.is_upload else PurePosixPath(standardized_path(named)).name or UPLOADED
    wanted = OutlineFile(file, path, admitted.uid, admitted.chain.stored_shape)
    try:
        (found,) = isolated(read_outlines, [wanted], WORKERS)
        if isinstance(found, Code):  # the child did not survive it
            raise MammoError(f"{file}: {found.reason}: {found.remedy}")
        requests, errors = found
        if not requests:
            raise MammoError(" ".join(errors) or f"{file} has no outline on this image: choose another file")
        check_size([*image.known, *requests])
    except MammoError as error:
        raise MammoError(_about(str(error), file)) from None
    image.known = (*image.known, *requests)
    return tuple(_about(error, file) for error in errors)


def _about(sentence: str, file: Path) -> str:
    """A sentence about a file in the words of the page, without its path."""
    for name in (str(file), file.name):
        sentence = sentence.replace(name, "the file")
    return in_page(sentence)
