"""Patches as careful users of other libraries cut them, all linear: the extra `bench` installs the libraries.

Albumentations, PNG and pydicom cut exactly the windows that they are given, crop first; MONAI and TorchIO draw windows
of the same sizes and angles, as their users do. Nothing but cutting is timed.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DigitalMammographyXRayImageStorageForPresentation, JPEG2000Lossless

from mammo.benchmarks.timing import Way
from mammo.benchmarks.workload import ANGLE_DEG, PATCH_PX, SIDE_PX
from mammo.data.crops import CropRequests
from mammo.phantoms.transfer_syntaxes import SYNTAXES
from mammo.records import Pixels

Cut = Callable[[Pixels], Pixels]
Source = Callable[[str], Pixels]

PER_VOLUME = 10
"""Patches that are taken of a volume once it was rotated, as in the example of TorchIO's Queue."""


def albumentations(source: Source, requests: CropRequests, prebuilt: bool = False) -> Way:
    """Each window from source, which gives a whole image: Crop with a margin, Rotate, CenterCrop, Resize.

    Albumentations takes sizes when a pipeline is built, so that every window, which has a size of its own, needs one;
    prebuilt leaves that out of the time, which only windows known in advance could.
    """
    if prebuilt:
        cuts = [_cut(window) for window in requests.windows]
        return Way(lambda: [cut(source(key)) for key, cut in zip(requests.image_ids, cuts, strict=True)], len(requests))

    def work() -> list[Pixels]:
        return [_cut(window)(source(key)) for key, window in zip(requests.image_ids, requests.windows, strict=True)]

    return Way(work, len(requests))


def _cut(window: NDArray[np.float64]) -> Cut:
    import albumentations as alb

    row, col, side, angle = window.tolist()
    reach = int(side / 2 * (np.cos(np.radians(angle)) + abs(np.sin(np.radians(angle))))) + 2
    top, left, linear = int(row) - reach, int(col) - reach, cv2.INTER_LINEAR
    pipeline = alb.Compose(
        [
            alb.Crop(left, top, left + 2 * reach, top + 2 * reach),
            alb.Rotate(limit=(angle, angle), interpolation=linear, p=1),
            alb.CenterCrop(round(side), round(side)),
            alb.Resize(PATCH_PX, PATCH_PX, interpolation=linear),
        ]
    )
    return lambda image: np.asarray(pipeline(image=image)["image"], dtype=np.uint16)


def monai(images: Mapping[str, Pixels], n: int) -> Way:
    """MONAI's CacheDataset of the images: a random crop first, then the rotation and the resize."""
    from monai import transforms
    from monai.data.dataset import CacheDataset

    steps = transforms.Compose(
        [
            transforms.EnsureTyped("image", dtype=np.float32),
            transforms.RandSpatialCropd("image", SIDE_PX[0], max_roi_size=SIDE_PX[1], random_size=True),
            transforms.RandRotated("image", range_x=np.radians(ANGLE_DEG), prob=1.0, mode="bilinear"),
            transforms.Resized("image", (PATCH_PX, PATCH_PX), mode="bilinear"),
        ]
    )
    cached = CacheDataset([{"image": pixels[None]} for pixels in images.values()], steps, progress=False)
    return Way(lambda: [cached[index % len(images)] for index in range(n)], n)


def torchio(images: Mapping[str, Pixels], n_volumes: int) -> Way:
    """TorchIO's way with whole images in memory: rotate and scale a volume, then take many patches of it."""
    import torch
    import torchio as tio

    turn = tio.RandomAffine(scales=(0.67, 2.0, 0.67, 2.0, 1, 1), degrees=(0, 0, 0, 0, -ANGLE_DEG, ANGLE_DEG))
    volumes = [
        tio.Subject(image=tio.ScalarImage(tensor=torch.from_numpy(pixels.astype(np.float32))[None, :, :, None]))
        for pixels in list(images.values())[:n_volumes]
    ]
    sampler = tio.UniformSampler((PATCH_PX, PATCH_PX, 1))

    def work() -> None:
        for volume in volumes:
            for patch in sampler(turn(volume), PER_VOLUME):
                assert patch.spatial_shape[:2] == (PATCH_PX, PATCH_PX)

    return Way(work, n_volumes * PER_VOLUME)


def png(folder: Path, images: Mapping[str, Pixels]) -> Source:
    """Whole images from 16-bit PNGs, decoded each time."""
    for image_id, pixels in images.items():
        cv2.imwrite(str(folder / f"{image_id}.png"), pixels)

    def read(image_id: str) -> Pixels:
        whole = cv2.imread(str(folder / f"{image_id}.png"), cv2.IMREAD_UNCHANGED)
        return np.asarray(whole, dtype=np.uint16)

    return read


def pydicom_j2k(images: Mapping[str, Pixels]) -> Source:
    """Whole images from DICOM files in lossless JPEG 2000, decoded each time by the plugin that pydicom picks."""
    files = {image_id: _dicom(pixels) for image_id, pixels in images.items()}
    return lambda image_id: np.asarray(dcmread(BytesIO(files[image_id])).pixel_array, dtype=np.uint16)


def _dicom(pixels: Pixels) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.file_meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID("1.2.3")
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    (encode,) = (syntax.encode for syntax in SYNTAXES if syntax.uid == JPEG2000Lossless)
    assert encode is not None
    dataset.PixelData = encapsulate([encode(pixels)])
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
