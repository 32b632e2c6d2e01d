"""The ingest benchmark: its result is complete, and its files pass ingest without flags."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from mammo.benchmarks import ingest_speed as ingest
from mammo.intake.dicom_header import read_header
from mammo.intake.presentation import presentation


def test_the_result_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "PLUGINS", ())
    monkeypatch.setattr(ingest, "typical_ingest", lambda file: sorted(range(20000)))
    result = ingest.measure_ingest(1, (368, 240), n_images=1)
    assert set(result["ratios"]) == set(ingest.MEASURED)  # type: ignore[call-overload]
    assert all(result[key] > 0 for key in ("ours", "limit_ratio"))  # type: ignore[operator]


def test_the_files_have_a_sigmoid_window(tmp_path: Path) -> None:
    pixels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    ingest.write_dicom(tmp_path / "a.dcm", pixels, ingest.MEASURED[0], None)
    assert read_header(tmp_path / "a.dcm").flags == ()
    shown = presentation(dcmread(tmp_path / "a.dcm"))
    assert shown.voi == "sigmoid"
    assert np.abs(shown.values - 4095 / (1 + np.exp(-4 * (pixels - 2047.0) / 4096))).max() <= 0.5
