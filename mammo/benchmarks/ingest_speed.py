"""Benchmark of ingest per image, from a DICOM file to stored pixels, by transfer syntax.

The baseline is what careful users write: decode with pydicom and its plugins, apply the VOI LUT, find and crop the
breast with scipy, and write a 16-bit PNG. The limit is the JPEG 2000 codec alone, which takes most of that time.
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

from mammo.benchmarks.timing import Method, time_methods, use_one_thread
from mammo.benchmarks.workload import FULL_SHAPE, images
from mammo.geometry import Frame
from mammo.ingestion.worker import Encoded, IngestItem, Recipe, ingest_file
from mammo.intake.dicom_header import read_header
from mammo.intake.object_type import MAMMOGRAPHY
from mammo.intake.sandbox import KEPT_BLOCK, KEPT_SPARE
from mammo.machine import keep_memory
from mammo.phantoms.transfer_syntaxes import SYNTAXES
from mammo.records import ImageRecord, MammoError, Pixels
from mammo.store.image_store import ImageStore

MEASURED = (ExplicitVRLittleEndian, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless)
"""Transfer syntaxes; the codec of the last one is the limit."""

PLUGINS = ("gdcm", "openjpeg", "jpeg_ls")
"""Decoder plugins that pydicom needs for them."""

Encode = Callable[[Pixels], bytes]


def measure_ingest(rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_images: int = 3) -> dict[str, object]:
    """CPU seconds per image, from header to stored tiles, in one process configured like an ingest worker.

    Args:
        rounds: how often each method is timed.
        shape: (rows, cols) of the images; real images are used only at full size.
        n_images: number of images.

    Returns:
        As mammo.benchmarks.timing.time_methods, with ours for uncompressed files, the limit for JPEG 2000, and the
        ratios of the baseline by UID of the transfer syntax; seconds holds ours by UID, syntaxes the names.

    Raises:
        MammoError: a decoder that only the baseline needs is not installed.
    """
    missing = [name for name in PLUGINS if find_spec(name) is None]
    if missing:
        raise MammoError(f"the baseline needs the decoder {missing[0]}: install mammo with its bench extra")
    use_one_thread()
    keep_memory(KEPT_BLOCK, KEPT_SPARE)
    pixels, kind = images(n_images, shape)
    with TemporaryDirectory() as folder:
        result = {uid: _measured(Path(folder), uid, pixels, shape, rounds) for uid in MEASURED}
    ratios = {uid: one["ratios"]["user"] for uid, one in result.items()}
    return result[MEASURED[0]] | {
        "limit_ratio": result[MEASURED[-1]]["limit_ratio"],
        "ratios": ratios,
        "seconds": {uid: one["ours"] for uid, one in result.items()},
        "syntaxes": {uid: uid.name for uid in MEASURED},
        "images": kind,
    }


def _measured(
    folder: Path, uid: UID, pixels: Mapping[str, Pixels], shape: tuple[int, int], rounds: int
) -> dict[str, Any]:
    """Times of our method, the baseline and the codec alone (a copy for uncompressed pixels) on the same files."""
    encode = next(syntax.encode for syntax in SYNTAXES if syntax.uid == uid)
    files = [folder / f"{uid}-{name}.dcm" for name in pixels]
    for file, image in zip(files, pixels.values(), strict=True):
        write_dicom(file, image, uid, encode)
    frames = [encode(image) if encode else image.tobytes() for image in pixels.values()]
    decode = imagecodecs.jpeg2k_decode if uid == JPEG2000Lossless else bytearray
    scale = 64 if shape == FULL_SHAPE else 8
    recipe = Recipe(folder, folder / "store", Frame(46 * scale, 30 * scale, scale), 1.0)
    methods = {
        "ours": _each(partial(_ingest_file, recipe), files),
        "user": _each(typical_ingest, files),
        "codec": _each(decode, frames),
    }
    return time_methods("ingest", methods, limit="codec", rounds=rounds)


def _each(work: Callable[[Any], object], items: Sequence[object]) -> Method:
    def work_on_all() -> None:
        for item in items:
            work(item)

    return Method(work_on_all, len(items))


def _ingest_file(recipe: Recipe, file: Path) -> None:
    """Ingest one file: header, digest, pixels and tiles, stored under a new id so that no step is skipped."""
    header = read_header(file)
    image = ImageRecord(file.name, header.patient, header.exam, header.laterality, header.view, flags=header.flags)
    result = ingest_file(recipe, IngestItem(image, "0" * 20))
    assert isinstance(result, Encoded)
    ImageStore(recipe.store).append("1" * 20, result.record, result.head)


def typical_ingest(file: Path) -> None:
    """Decode, apply the VOI LUT, crop to the largest bright region and write a PNG."""
    dataset = dcmread(file)
    values = apply_voi_lut(dataset.pixel_array, dataset)
    foreground = ndimage.binary_erosion(values > values.min(), iterations=2)
    regions, _ = ndimage.label(foreground)
    sizes = np.bincount(regions.ravel())
    sizes[0] = 0
    breast = ndimage.binary_dilation(regions == sizes.argmax(), iterations=2)
    rows, cols = ndimage.find_objects(breast.astype(np.uint8))[0]
    scaled = (values[rows, cols] / values.max() * 65535).astype(np.uint16)
    Image.fromarray(scaled).save(file.with_suffix(".png"))


def write_dicom(file: Path, pixels: Pixels, uid: UID, encode: Encode | None) -> None:
    """Write pixels [H, W] uint16, 0 to 4095, as a left CC mammogram with a SIGMOID window, like a vendor's file."""
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
