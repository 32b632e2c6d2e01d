from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from mammo.intake.dicom_decode import decode
from mammo.intake.dicom_header import open_dicom
from mammo.intake.rejections import Code, RejectedError
from mammo.records import MammoError

PIXELS = np.random.default_rng(0).integers(0, 4096, (48, 33)).astype(np.uint16)
COMPRESSED = [JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, RLELossless]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, *COMPRESSED])
def test_every_syntax_returns_the_pixels(make_dicom: Callable[..., Dataset], tmp_path: Path, syntax: str) -> None:
    make_dicom(PIXELS, syntax).save_as(tmp_path / "a", enforce_file_format=True)
    assert np.array_equal(decode(open_dicom(tmp_path / "a")), PIXELS)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_native_syntaxes_return_the_pixels(make_dicom: Callable[..., Dataset], tmp_path: Path, syntax: str) -> None:
    dataset = make_dicom(PIXELS)
    dataset.file_meta.TransferSyntaxUID = syntax
    little = syntax != ExplicitVRBigEndian
    dataset.PixelData = PIXELS.astype("<u2" if little else ">u2").tobytes()
    fresh = FileDataset("", dataset, b"\0" * 128, dataset.file_meta, is_little_endian=little)
    fresh.save_as(tmp_path / "a", enforce_file_format=True)
    assert np.array_equal(decode(open_dicom(tmp_path / "a")), PIXELS)


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize("kept", [0.9, 0.5, 0.2])
def test_a_truncated_frame_is_rejected(make_dicom: Callable[..., Dataset], syntax: str, kept: float) -> None:
    dataset = make_dicom(PIXELS, syntax)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    dataset.PixelData = encapsulate([frame[: int(len(frame) * kept)]])
    with pytest.raises(RejectedError) as rejected:
        decode(dataset)
    assert rejected.value.code in (Code.CUT_OFF, Code.BROKEN_PIXELS)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless])
def test_a_frame_without_end_marker_is_truncated(make_dicom: Callable[..., Dataset], syntax: str) -> None:
    dataset = make_dicom(PIXELS, syntax)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1).rstrip(b"\0")
    dataset.PixelData = encapsulate([frame[:-2]])
    with pytest.raises(RejectedError, match=Code.CUT_OFF):
        decode(dataset)


def test_a_frame_of_another_size_is_rejected(make_dicom: Callable[..., Dataset]) -> None:
    with pytest.raises(RejectedError, match=Code.OTHER_SIZE):
        decode(make_dicom(PIXELS, JPEGLSLossless, Rows=47))


def test_an_image_whose_decoder_panics_is_rejected(
    make_dicom: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Panic(BaseException):
        pass

    def panic(_frame: bytes) -> NoReturn:
        raise Panic

    monkeypatch.setattr(imagecodecs, "jpegls_decode", panic)
    with pytest.raises(RejectedError, match=Code.BROKEN_PIXELS):
        decode(make_dicom(PIXELS, JPEGLSLossless))


def test_a_keyboard_interrupt_is_not_a_rejection(
    make_dicom: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_frame: bytes) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(imagecodecs, "jpegls_decode", stop)
    with pytest.raises(KeyboardInterrupt):
        decode(make_dicom(PIXELS, JPEGLSLossless))


def test_a_missing_decoder_names_the_package(
    make_dicom: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(imagecodecs, "jpegls_decode", raising=False)
    monkeypatch.setattr(imagecodecs, "__getattr__", _absent, raising=False)
    with pytest.raises(MammoError, match="pip install imagecodecs"):
        decode(make_dicom(PIXELS, JPEGLSLossless))


def _absent(name: str) -> NoReturn:
    raise AttributeError(name)


def test_unknown_transfer_syntaxes_are_rejected(make_dicom: Callable[..., Dataset]) -> None:
    dataset = make_dicom(PIXELS)
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    with pytest.raises(RejectedError, match=Code.UNKNOWN_CODING):
        decode(dataset)


def test_a_file_without_pixel_data_is_rejected(make_dicom: Callable[..., Dataset]) -> None:
    dataset = make_dicom(PIXELS)
    del dataset.PixelData
    with pytest.raises(RejectedError, match=Code.NO_PIXELS):
        decode(dataset)
