"""Pictures as data: one .npz a picture, written where the images are at hand, drawn when the report is made.

A file holds `kind` and `caption` (text) and the arguments of that kind's function in pictures.py, by name:

    images    pixels [n, H, W], outlines [n, H, W], titles [n]
    windows   pixels [H, W], outlines [H, W], windows [N, 4], patches [N, h, w], title
    saliency  pixels [H, W], outlines [H, W], malignant [rows, cols], benign [rows, cols], regions [K, 2],
              attention [K], region_px, title
    patches   classes [K], pixels [K, H, W], outlines [K, H, W], windows [K, N, 4], patches [K, N, h, w]

The report shows them in order of file name.
"""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mammo.io import atomic_write
from mammo.records import MammoError
from mammo.reporting.image_figures import image_page, saliency_page
from mammo.reporting.window_figures import class_patches, lesion_windows

KINDS = {
    "images": ("pixels", "outlines", "titles"),
    "windows": ("pixels", "outlines", "windows", "patches", "title"),
    "saliency": ("pixels", "outlines", "malignant", "benign", "regions", "attention", "region_px", "title"),
    "patches": ("classes", "pixels", "outlines", "windows", "patches"),
}
"""Kind to the names of its arrays."""


def write_picture(path: Path, kind: str, caption: str, **arrays: ArrayLike) -> None:
    """Write a picture file.

    Args:
        path: ends in .npz; its folder is made.
        kind: a key of KINDS.
        caption: a sentence or two under the picture.
        arrays: exactly the names of KINDS[kind].

    Raises:
        ValueError: a name is missing or unknown.
    """
    if set(arrays) != set(KINDS[kind]):
        raise ValueError(f"a picture of {kind} needs {', '.join(KINDS[kind])}, got {', '.join(sorted(arrays))}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as written, written.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, kind=np.array(kind), caption=np.array(caption), **arrays)


def read_picture(path: Path) -> tuple[str, Figure]:
    """The caption and the drawn figure of a picture file.

    Raises:
        MammoError: it is not a file of write_picture.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            kind, caption = str(file["kind"]), str(file["caption"])
            arrays = {name: file[name] for name in KINDS[kind]}
            return caption, _draw(kind, arrays)
    except (OSError, KeyError, ValueError, TypeError, IndexError, BadZipFile) as error:
        raise MammoError(f"{path}: not a picture of this software ({error}); delete it or make it anew") from error


def _draw(kind: str, arrays: dict[str, Any]) -> Figure:
    if kind == "images":
        return image_page(arrays["pixels"], arrays["outlines"], [str(title) for title in arrays["titles"]])
    if kind == "patches":
        return class_patches(**arrays | {"classes": [str(name) for name in arrays["classes"]]})
    title = str(arrays.pop("title"))
    if kind == "windows":
        return lesion_windows(**arrays, title=title)
    return saliency_page(**arrays | {"region_px": int(arrays["region_px"])}, title=title)
