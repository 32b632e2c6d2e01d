"""Baselines: patches cut with other libraries as careful users would, bilinear; the extra `bench` installs them.

The albumentations, PNG and pydicom baselines cut exactly the given windows and crop first; MONAI and TorchIO draw
windows of the same sizes and angles themselves, as their users do. Only cutting is timed.
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

from mammo.benchmarks.timing import Method
from mammo.benchmarks.workload import ANGLE_DEG, PATCH_PX, SIDE_PX
from mammo.data.crops import CropRequests
from mammo.phantoms.transfer_syntaxes import SYNTAXES
from mammo.records import Pixels

Transform = Callable[[Pixels], Pixels]
ImageReader = Callable[[str], Pixels]

PER_VOLUME = 10
"""Patches per rotated volume, as in the example of TorchIO's Queue."""


def albumentations(read: ImageReader, requests: CropRequests, prebuilt: bool = False) -> Method:
    """Each window by Crop with a margin, Rotate, CenterCrop and Resize of albumentations.

    Albumentations fixes sizes when a pipeline is built, so every window needs its own pipeline.

    Args:
        read: returns a whole image [H, W] uint16 by id.
        requests: the windows.
        prebuilt: whether to build the pipelines outside the timed work, which works only for windows known in advance.
    """
    if prebuilt:
        transforms = [_transform(window) for window in requests.windows]
        pairs = list(zip(requests.image_ids, transforms, strict=True))
        return Method(lambda: [transform(read(image_id)) for image_id, transform in pairs], len(requests))

    def work() -> list[Pixels]:
        """The patches [256, 256] uint16 of all windows."""
        pairs = zip(requests.image_ids, requests.windows, strict=True)
        return [_transform(window)(read(image_id)) for image_id, window in pairs]

    return Method(work, len(requests))


def _transform(window: NDArray[np.float64]) -> Transform:
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


def monai(images: Mapping[str, Pixels], n: int) -> Method:
    """N patches of images [H, W] uint16 by MONAI's CacheDataset: random crop, then rotation and resize."""
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
    return Method(lambda: [cached[index % len(images)] for index in range(n)], n)


def torchio(images: Mapping[str, Pixels], n_volumes: int) -> Method:
    """TorchIO on images [H, W] uint16 in memory: rotate and scale a volume, then sample PER_VOLUME patches from it."""
    import torch
    import torchio as tio

    affine = tio.RandomAffine(scales=(0.67, 2.0, 0.67, 2.0, 1, 1), degrees=(0, 0, 0, 0, -ANGLE_DEG, ANGLE_DEG))
    volumes = [
        tio.Subject(image=tio.ScalarImage(tensor=torch.from_numpy(pixels.astype(np.float32))[None, :, :, None]))
        for pixels in list(images.values())[:n_volumes]
    ]
    sampler = tio.UniformSampler((PATCH_PX, PATCH_PX, 1))

    def work() -> None:
        for volume in volumes:
            for patch in sampler(affine(volume), PER_VOLUME):
                assert patch.spatial_shape[:2] == (PATCH_PX, PATCH_PX)

    return Method(work, n_volumes * PER_VOLUME)


def png(folder: Path, images: Mapping[str, Pixels]) -> ImageReader:
    """Reads whole images [H, W] uint16 from 16-bit PNG files, decoding at every call; writes the files to folder."""
    for image_id, pixels in images.items():
        cv2.imwrite(str(folder / f"{image_id}.png"), pixels)

    def read(image_id: str) -> Pixels:
        """The image [H, W] uint16, 0 to 4095."""
        image = cv2.imread(str(folder / f"{image_id}.png"), cv2.IMREAD_UNCHANGED)
        return np.asarray(image, dtype=np.uint16)

    return read


def pydicom_j2k(images: Mapping[str, Pixels]) -> ImageReader:
    """Reads whole images [H, W] uint16 from lossless JPEG 2000 DICOM files, decoded by pydicom at every call."""
    files = {image_id: _dicom_file(pixels) for image_id, pixels in images.items()}
    return lambda image_id: np.asarray(dcmread(BytesIO(files[image_id])).pixel_array, dtype=np.uint16)


def _dicom_file(pixels: Pixels) -> bytes:
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
