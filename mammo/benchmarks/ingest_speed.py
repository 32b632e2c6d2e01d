"""From one DICOM file to stored pixels, by transfer syntax: what ingest costs an image.

The rival is what careful users write: pydicom with its plugins decodes, apply_voi_lut windows, scipy finds and crops
the breast, and a 16-bit PNG is written. The limit is the bare JPEG 2000 codec, which takes most of the time there.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_voi_lut
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless
from scipy import ndimage

from mammo.benchmarks.sample_images import FULL_SHAPE, images
from mammo.benchmarks.timing import Way, measurement, one_thread
from mammo.geometry import Frame
from mammo.ingestion.worker import Encoded, IngestItem, Recipe, ingest_file
from mammo.intake.dicom_header import read_header
from mammo.intake.object_type import MAMMOGRAPHY
from mammo.intake.sandbox import KEPT_BLOCK, KEPT_SPARE
from mammo.memory import keep_memory
from mammo.phantoms.transfer_syntaxes import SYNTAXES
from mammo.records import ImageRecord, MammoError, Pixels
from mammo.store.image_store import ImageStore

MEASURED = (ExplicitVRLittleEndian, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless)
"""Transfer syntaxes; the last is the one whose bare codec is the limit."""

PLUGINS = ("gdcm", "openjpeg", "jpeg_ls")
"""What pydicom needs to decode them, beside itself."""

Encode = Callable[[Pixels], bytes]


def measure(rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_images: int = 3) -> dict[str, object]:
    """CPU seconds per image, header to stored tiles, in one process set up as the children of ingest are.

    Args:
        rounds: how often each way is timed.
        shape: (rows, cols) of the images; only full-size ones are real where a real exam is named.
        n_images: how many.

    Returns:
        As mammo.benchmarks.timing.measurement, with ours of uncompressed files, the limit of JPEG 2000, and in
        ratios the rival over ours by transfer syntax (its UID); seconds holds ours for each, syntaxes their names.

    Raises:
        MammoError: a decoder that only the rival needs is not installed.
    """
    missing = [name for name in PLUGINS if find_spec(name) is None]
    if missing:
        raise MammoError(f"the rival of this benchmark decodes with {missing[0]}: install mammo with its bench extra")
    one_thread()
    keep_memory(KEPT_BLOCK, KEPT_SPARE)
    pixels, kind = images(n_images, shape)
    with TemporaryDirectory() as folder:
        told = {uid: _measured(Path(folder), uid, pixels, shape, rounds) for uid in MEASURED}
    ratios = {uid: one["ratios"]["user"] for uid, one in told.items()}
    return told[MEASURED[0]] | {
        "limit_ratio": told[MEASURED[-1]]["limit_ratio"],
        "ratios": ratios,
        "seconds": {uid: one["ours"] for uid, one in told.items()},
        "syntaxes": {uid: uid.name for uid in MEASURED},
        "images": kind,
    }


def _measured(
    folder: Path, uid: UID, pixels: Mapping[str, Pixels], shape: tuple[int, int], rounds: int
) -> dict[str, Any]:
    """Ours, the rival and the bare codec (a mere copy for native pixels) on the same files."""
    encode = next(syntax.encode for syntax in SYNTAXES if syntax.uid == uid)
    files = [folder / f"{uid}-{name}.dcm" for name in pixels]
    for file, image in zip(files, pixels.values(), strict=True):
        write_dicom(file, image, uid, encode)
    frames = [encode(image) if encode else image.tobytes() for image in pixels.values()]
    decode = imagecodecs.jpeg2k_decode if uid == JPEG2000Lossless else bytearray
    scale = 64 if shape == FULL_SHAPE else 8
    recipe = Recipe(folder, folder / "store", Frame(46 * scale, 30 * scale, scale), 1.0)
    ways = {
        "ours": _each(partial(_take, recipe), files),
        "user": _each(as_users_do, files),
        "codec": _each(decode, frames),
    }
    return measurement("ingest", ways, limit="codec", rounds=rounds)


def _each(work: Callable[[Any], object], items: Sequence[object]) -> Way:
    def all_of_them() -> None:
        for item in items:
            work(item)

    return Way(all_of_them, len(items))


def _take(recipe: Recipe, file: Path) -> None:
    """What ingest does for one file: header, digest, pixels, tiles; kept under another id, so that nothing is known."""
    header = read_header(file)
    image = ImageRecord(file.name, header.patient, header.exam, header.laterality, header.view, flags=header.flags)
    result = ingest_file(recipe, IngestItem(image, "0" * 20))
    assert isinstance(result, Encoded)
    ImageStore(recipe.store).append("1" * 20, result.record, result.head)


def as_users_do(file: Path) -> None:
    """Decode, window, crop to the largest bright part and write a PNG."""
    dataset = dcmread(file)
    values = apply_voi_lut(dataset.pixel_array, dataset)
    foreground = ndimage.binary_erosion(values > values.min(), iterations=2)
    parts, _ = ndimage.label(foreground)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    breast = ndimage.binary_dilation(parts == sizes.argmax(), iterations=2)
    rows, cols = ndimage.find_objects(breast.astype(np.uint8))[0]
    scaled = (values[rows, cols] / values.max() * 65535).astype(np.uint16)
    Image.fromarray(scaled).save(file.with_suffix(".png"))


def write_dicom(file: Path, pixels: Pixels, uid: UID, encode: Encode | None) -> None:
    """A mammogram of a left breast with a SIGMOID window, as a vendor writes them."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UID(MAMMOGRAPHY)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID("1.2.3")
    dataset.Modality, dataset.PresentationIntentType = "MG", "FOR PRESENTATION"
    dataset.PatientID, dataset.StudyInstanceUID = "benchmark", UID("1.2.3.4")
    dataset.ImageLaterality, dataset.ViewPosition = "L", "CC"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 2047, 4096, "SIGMOID"
    dataset.PixelData = encapsulate([encode(pixels)]) if encode else pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OB" if encode else "OW"
    dataset.save_as(file, enforce_file_format=True)
