"""The manifest of a hundred thousand images must take less than 2 GB of memory; it takes about half."""

import subprocess
import sys
from pathlib import Path

import pytest

MAX_KB = 1.5e9 / 1024

WORK = r"""
import re, sys
from pathlib import Path
import numpy as np
from mammo.geometry import Box, Frame, FrameChain
from mammo.store.manifest import Manifest
from mammo.store.schema import chain_values, outline_values, tissue_values
from mammo.store.splits import assign_splits, patient_groups

root, n = Path(sys.argv[1]), 100_000
frame, rng = Frame(2944, 1920, 64), np.random.default_rng(0)
chain = chain_values(FrameChain((3328, 2560), False, Box(0, 3000, 0, 2000), 1.0, (0, 0), frame))

def images():
    for k in range(n):
        yield {
            "image_id": f"{k:020x}", "source": "table", "patient_id": f"p{k // 4}", "exam_id": f"e{k // 4}",
            "laterality": "LR"[k // 2 % 2], "view": ("CC", "MLO")[k % 2], "split": "", "official_split": "", "fold": -1,
            "flags": "", "notes": "", "voi": "linear", "vendor": "ge",
            "spacing_mm": 0.07, "density": "B", "negative": k % 12 > 3,
            "malignant": k % 12 == 0, "benign": k % 12 == 6, "unplaced": False, "elsewhere": "",
            "breast_malignant": False, "breast_benign": False,
            "sha256": f"{k:064x}", **chain, **tissue_values(rng.random(frame.grid)),
        }

def lesions():
    mask = np.ones((60, 50), bool)
    for k in range(0, n, 6):
        yield {
            "lesion_id": f"l{k}", "image_id": f"{k:020x}", "finding_id": "",
            "label": ("malignant", "benign")[k % 12 // 6], "label_source": "biopsy", "high_risk": False,
            "finding": "", "birads": "", "pathology_type": "",
            **outline_values(mask, Box(500, 560, 300, 350)), "gray": 2000.0,
        }

Manifest.of(frame, images(), lesions()).save(root)
manifest = assign_splits(Manifest.load(root), 0, (0.8, 0.1, 0.1))
manifest.save(root)
again = Manifest.load(root)
assert again.digest() and len(again.image_digests()) == n and patient_groups(again.images).nunique() == n // 4
assert abs((again.images["split"] == "test").sum() - n // 10) <= 12
print(re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)[1])
"""
"""Makes, saves, loads, splits and digests the tables of made records; prints its peak memory in kilobytes.

VmHWM starts anew with each program, whereas ru_maxrss includes the parent process that started it.
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_the_manifest_of_a_hundred_thousand_images_takes_less_than_two_gigabytes(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WORK, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MAX_KB
