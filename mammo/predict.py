"""Score outlined lesions of new mammograms with a model bundle: a second opinion for research.

CASE is an image (DICOM, PNG or TIFF), a folder of images with outlines, or a list: a table of
lesions or a COCO file. Outlines are those of lesions.csv (labels are not needed), COCO files or
DICOM SEG objects in the folder; for a single image also --box, --circle, --polygon or --mask, in
pixels (row, col) of the image as a viewer shows it.

OUT gets predictions.json and predictions.csv, and a picture of each lesion. A case that cannot be
scored is listed there with its reason, and the exit status is 3. The same command goes on where an
interrupted one stopped.

Examples:
  mammo predict demo.bundle lesion.dcm --box 1200,1380,400,610 -o out
  mammo predict demo.bundle scan.png --mask mask.png --laterality L --view MLO -o out
  mammo predict demo.bundle cases/ -o out --prevalence 0.2
"""

import argparse
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mammo.cli.arguments import PREVALENCE, Parser, check_exists, complain, parser, share, window_count
from mammo.cli.commands import run
from mammo.inference.result_files import CSV, check_out
from mammo.records import MammoError
from mammo.text import counted, print_text

if TYPE_CHECKING:  # heavy: imported after the command line is checked
    from mammo.inference.cases import Case, CaseList
    from mammo.inference.outlines import Outline
    from mammo.maps.view_sources import Kind


OTHERS = ("--other-view", "--other-breast")
OTHERS_OF_SEVERAL = "put the other images into the folder, with their rows in images.csv if they are not DICOM files"

LEFT_OUT = 3
"""Exit status where at least one case or lesion could not be scored."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, 3 where a case was left out, or 2 with one sentence on wrong use."""
    options = _parser().parse_args(arguments)
    try:
        return _predict(options)
    except (MammoError, OSError) as error:
        return complain(error)


def _parser() -> Parser:
    words = parser("predict", __doc__)
    words.add_argument("bundle", type=Path, metavar="BUNDLE", help="model bundle (mammo bundle)")
    words.add_argument("cases", type=Path, nargs="+", metavar="CASE", help="image, folder, or table of lesions")
    words.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="folder of the results")
    one = words.add_argument_group("a single image")
    one.add_argument("--box", type=_numbers(4), action="append", default=[], metavar="ROW0,ROW1,COL0,COL1")
    one.add_argument("--circle", type=_numbers(3), action="append", default=[], metavar="ROW,COL,RADIUS")
    one.add_argument("--polygon", type=_polygon, action="append", default=[], metavar='"ROW,COL;ROW,COL;..."')
    mask_help = "PNG or TIFF of the image's size, above 0 inside, or a DICOM SEG object"
    one.add_argument("--mask", type=Path, action="append", default=[], metavar="FILE", help=mask_help)
    one.add_argument("--laterality", choices=("L", "R"), help="breast, for an image without a header")
    one.add_argument("--view", choices=("CC", "MLO"), help="view, likewise")
    one.add_argument("--pixel-spacing", type=_positive, metavar="MM", help="mm between its pixels, likewise")
    one.add_argument(
        "--other-view", type=_image_file, metavar="FILE", help="the breast's other view, for networks that read it"
    )
    one.add_argument("--other-breast", type=_image_file, metavar="FILE", help="the other breast in this view, likewise")
    columns_help = "your own names of a table's columns, as in image=Picture lesion_id=No"
    words.add_argument("--columns", nargs="+", default=[], metavar="FIELD=NAME", help=columns_help)
    words.add_argument("--prevalence", type=share, metavar="P", help=PREVALENCE)
    words.add_argument("--windows", type=window_count, default=100, metavar="N", help="windows per lesion (100)")
    words.add_argument("--no-changes", action="store_true", help="do not score changed outlines (far faster)")
    words.add_argument("--no-pictures", action="store_true", help="draw no pictures")
    words.add_argument("--dicom", action="store_true", help="write DICOM objects for the study, too (extra dicom)")
    words.add_argument("--allow-targets", nargs="+", default=[], metavar="PACKAGE", help="packages of your own classes")
    words.add_argument("--overwrite", action="store_true", help="replace the predictions of an earlier run in OUT")
    return words


def _predict(options: argparse.Namespace) -> int:
    check_exists(options.bundle)
    check_out(options.out, options.cases, options.overwrite)
    from mammo.inference.case_pictures import case_pictures
    from mammo.inference.exams import with_other_images
    from mammo.inference.given_images import check_read
    from mammo.inference.prediction_run import predict_cases
    from mammo.inference.predictor import PredictOptions, Predictor

    asked = _cases(options)
    if not asked.cases:
        raise MammoError(f"{options.cases[0]} has no outline of a lesion: nothing is to be scored")
    if options.dicom:
        _check_dicom(asked.cases)
    chosen = PredictOptions(options.windows, not options.no_changes, options.prevalence)
    predictor = Predictor.load(options.bundle, chosen, options.allow_targets)
    check_read(_other_files(options), predictor.other_images)
    asked = with_other_images(asked, predictor.other_images)
    outputs = [] if options.no_pictures else [case_pictures(options.out)]
    if options.dicom:
        from mammo.dicom_out.results import written_results

        outputs.append(written_results(options.out, predictor.facts.name))
    found = predict_cases(predictor, asked, options.out, outputs, options.overwrite)
    if asked.not_used:
        print_text(f"no prediction depends on these columns or keys: {', '.join(asked.not_used)}")
    if found.without_outline:
        print_text(_not_scored(found.without_outline, bool(predictor.other_images)))
    for error in found.errors[:20]:
        print_text(f"left out: {error}")
    if len(found.errors) > 20:
        print_text(f"and {len(found.errors) - 20} more, see {CSV}")
    print_text(f"{counted(found.n_lesions, 'lesion')} scored with {predictor.facts.name.name}; see {options.out / CSV}")
    return LEFT_OUT if found.errors else 0


def _not_scored(images: Sequence[str], has_others: bool) -> str:
    """A line on images without an outline; has_others: whether the networks read other images of an exam, too."""
    n = len(images)
    has, was = ("image has", "was") if n == 1 else ("images have", "were")
    done = f"{was} neither scored nor used as another image of an exam" if has_others else f"{was} not scored"
    return f"{n} {has} no outline and {done}: {', '.join(images[:5])}{', ...' if n > 5 else ''}"


def _check_dicom(cases: "Sequence[Case]") -> None:
    """Check that results can go into the study of each image; MammoError for a PNG or TIFF, which has none."""
    from mammo.dicom_out.results import check_dicom_extra
    from mammo.intake.rasters import is_raster

    check_dicom_extra()
    if rasters := [case.name for case in cases if not case.error and is_raster(case.path)]:
        raise MammoError(f"--dicom: {rasters[0]} is no DICOM file, which has no study for results: leave --dicom out")


def _cases(options: argparse.Namespace) -> "CaseList":
    """The cases of the command line; MammoError where what is said about one image does not go with several."""
    from dataclasses import replace

    from mammo.inference.case_list import read_cases
    from mammo.inference.cases import CaseList, outlined
    from mammo.inference.exams import with_given_images
    from mammo.records import Laterality, View

    outlines, others = _outlines(options), _other_files(options)
    words = "laterality", "view", "pixel_spacing", "other_view", "other_breast"
    said = [f"--{word.replace('_', '-')}" for word in words if getattr(options, word)]
    is_image = len(options.cases) == 1 and options.cases[0].is_file()
    asked = read_cases(options.cases, _columns(options.columns))
    if not outlines and not said:
        return asked
    if not is_image or len(asked.cases) != 1 or asked.cases[0].lesions:
        raise MammoError(_for_one(bool(outlines), said))
    case = replace(
        asked.cases[0],
        laterality=None if options.laterality is None else Laterality(options.laterality),
        view=None if options.view is None else View(options.view),
        spacing_mm=options.pixel_spacing,
    )
    return CaseList([with_given_images(outlined(case, outlines), others)], [], [], [])


def _for_one(has_outlines: bool, said: Sequence[str]) -> str:
    """The error on outlines and options that are given with several images, or with a folder or list."""
    own = [*(["outlines"] if has_outlines else []), *(word for word in said if word not in OTHERS)]
    others = [word for word in said if word in OTHERS]
    are = "are" if has_outlines or len(said) > 1 else "is"
    remedies = ["put those of several into lesions.csv"] if own else []
    remedies += [OTHERS_OF_SEVERAL] if others else []
    return f"{', '.join([*own, *others])} on the command line {are} for a single image: {'; '.join(remedies)}"


def _other_files(options: argparse.Namespace) -> "dict[Kind, Path]":
    """The other images of the exam that the command line names."""
    given: dict[Kind, Path | None] = {"ipsi": options.other_view, "contra": options.other_breast}
    return {kind: file for kind, file in given.items() if file is not None}


def _columns(words: Sequence[str]) -> dict[str, str]:
    """The columns by field that FIELD=NAME words give; MammoError where one does not."""
    from mammo.inference.not_used import USED

    pairs = [word.partition("=") for word in words]
    for field, sign, column in pairs:
        if field not in USED or not (sign and column):
            fields = ", ".join(USED)
            raise MammoError(f"--columns {field}{sign}{column}: give FIELD=NAME, as in image=Picture, of {fields}")
    return {field: column for field, _, column in pairs}


def _outlines(options: argparse.Namespace) -> "list[Outline | Path]":
    from mammo.inference.outlines import Circle, whole_box

    check_exists(*options.mask)
    if others := [mask for mask in options.mask if not mask.is_file()]:
        raise MammoError(f"--mask {others[0]} is not a regular file: give a PNG, TIFF or DICOM SEG file")
    try:
        boxes = [whole_box(*each) for each in options.box]
    except (ValueError, OverflowError) as error:
        raise MammoError(f"--box: {error}: give ROW0,ROW1,COL0,COL1 with ROW0 below ROW1 and COL0 below COL1") from None
    return [*boxes, *(Circle(*each) for each in options.circle), *options.polygon, *options.mask]


def _numbers(count: int) -> Callable[[str], list[float]]:
    def numbers(text: str) -> list[float]:
        """The numbers of a text; ArgumentTypeError where it has another count of them."""
        try:
            found = [float(word) for word in text.split(",")]
        except ValueError:
            found = []
        if len(found) != count:
            wanted = f"{count} numbers with commas between them" if count > 1 else "a number, as in 0.25"
            raise ArgumentTypeError(f"give {wanted}, got {text!r}")
        return found

    return numbers


def _image_file(text: str) -> Path:
    file = Path(text)
    if not file.is_file():  # a pipe would wait
        raise ArgumentTypeError(f"{text} is not a file: give an image")
    return file


def _polygon(text: str) -> list[list[float]]:
    points = [_numbers(2)(point) for point in text.strip("; ").split(";")]
    if len(points) < 3:
        raise ArgumentTypeError(f"give at least 3 corners ROW,COL with semicolons between them, got {text!r}")
    return points


def _positive(text: str) -> float:
    (value,) = _numbers(1)(text)
    if not 0 < value <= 1:
        raise ArgumentTypeError(f"give mm between pixels, above 0 and at most 1, got {text!r}")
    return value


if __name__ == "__main__":
    run(main)
