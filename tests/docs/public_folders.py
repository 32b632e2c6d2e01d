"""Small imitations of the public data sets, as the tests of their adapters make them, each in a folder of its name."""

import pickle
from pathlib import Path

import cv2
import numpy as np

from mammo.intake.dicom_decode import decode
from tests.docs.phantom_folders import phantoms
from tests.intake.adapters.conftest import small_breast, write_image
from tests.intake.adapters.test_cbis_ddsm import Imitation
from tests.intake.adapters.test_cmmd import write_cmmd
from tests.intake.adapters.test_embed import EXAM, LEFT, finding, write_embed
from tests.intake.adapters.test_inbreast import write_inbreast
from tests.intake.adapters.test_nyu import EXAM as NYU_EXAM
from tests.intake.adapters.test_nyu import paint, write_exam
from tests.intake.adapters.test_omidb import write_omidb
from tests.intake.adapters.test_rsna2022 import write_rsna
from tests.intake.adapters.test_vindr import write_vindr


def write_public_folders(folder: Path) -> None:
    """Write cbis_ddsm, cmmd, embed, inbreast, nyu, omidb, rsna2022 and vindr below a folder."""
    made = {name: folder / name for name in ("cmmd", "embed", "inbreast", "nyu", "omidb", "rsna2022", "vindr")}
    for each in made.values():
        each.mkdir()
    breast = small_breast()
    write_cmmd(made["cmmd"], write_image, breast)
    write_embed(made["embed"], write_image, breast, [(EXAM, "L", "MLO", "2D", "", LEFT)], [finding(EXAM, "L", 0)])
    write_inbreast(made["inbreast"], write_image, breast)
    write_omidb(made["omidb"], write_image, breast)
    write_rsna(made["rsna2022"], "train_images/{p}/{i}.dcm", write_image, breast)
    write_vindr(made["vindr"], write_image, breast)
    _write_nyu(made["nyu"])
    _write_cbis_ddsm(folder / "cbis_ddsm")


def _write_nyu(folder: Path) -> None:
    """Two exams with an image of each side, the second with a malignant lesion."""
    write_exam(folder)
    paint(folder, "r_malignant", (1400, 1450, 100, 130))
    with (folder / "exam_list_before_cropping.pkl").open("wb") as stream:
        pickle.dump([NYU_EXAM], stream)


def _write_cbis_ddsm(folder: Path) -> None:
    """Films of phantoms in TCIA's layout, enough to train on; every fifth patient is in the official test split."""
    films = Imitation(folder, "classic", write_image, small_breast())
    for phantom in phantoms(n_patients=30, seed=8):
        image, side = phantom.image, {"L": "LEFT", "R": "RIGHT"}[phantom.image.ImageLaterality]
        pixels = decode(image).astype(np.uint16)
        films.breast = pixels if side == "LEFT" else pixels[:, ::-1]  # which it mirrors
        patient, table = f"P_{phantom.patient:05d}", "mass_train" if phantom.patient % 5 else "mass_test"
        for number, (label, mask) in enumerate(phantom.lesions, start=1):
            films.add(table, patient, side, image.ViewPosition, number, label.upper(), mask)
    films.finish()


def write_mini_mias(folder: Path) -> None:
    """Write MLO films of phantoms, 8 bits, with Info.txt, whose circles count y from the bottom."""
    folder.mkdir()
    rows = ["Films of synthetic phantoms", ""]
    films = [phantom for phantom in phantoms(n_patients=20, seed=9) if phantom.image.ViewPosition == "MLO"]
    for number, film in enumerate(films, start=1):
        pixels = decode(film.image).astype(np.uint16)
        cv2.imwrite(str(folder / f"mdb{number:03d}.pgm"), (pixels >> 4).astype(np.uint8))
        for label, mask in film.lesions:
            x, y, w, h = cv2.boundingRect(mask)
            circle = f"{x + w // 2} {pixels.shape[0] - y - h // 2} {max(w, h) // 2}"
            rows.append(f"mdb{number:03d} D MISC {label[0].upper()} {circle}")
        if not film.lesions:
            rows.append(f"mdb{number:03d} D NORM")
    (folder / "Info.txt").write_text("\r\n".join([*rows, ""]), encoding="latin-1", newline="")
