"""`mammo NAME ...` and `python -m mammo NAME ...`, the same as `python -m mammo.NAME ...`."""

import difflib
import runpy
import sys

COMMANDS = {
    "phantom": "draw a synthetic cohort as DICOM files",
    "ingest": "read images and lesions of any source into an image store",
    "split": "assign the patients of a store to training, validation and test",
    "verify": "check the data quality of a store",
    "train": "train f_loc, the context network or f_agg, once or as a sweep",
    "precompute": "compute the embeddings or saliency maps that f_agg reads",
    "sweep": "show the state of sweeps, or compare their runs",
    "score": "score the lesions of a store with trained networks",
    "report": "write the report of finished runs",
    "compare": "evaluate and compare lesion scores of any models",
    "weights": "import or export GMIC checkpoints",
    "benchmark": "measure the speed of one part",
    "demo": "run the paper's experiment on a synthetic cohort",
}
"""The commands, in the order of a project, and what each does."""


def main() -> None:
    """Run the command that the first argument names; exit status 2 where it names none."""
    arguments = sys.argv[1:]
    name = arguments[0] if arguments else "--help"
    if name in ("--help", "-h"):
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else 2)
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(COMMANDS)}"
        print(f"error: unknown command {name!r}: {hint}", file=sys.stderr)
        sys.exit(2)
    sys.argv = sys.argv[:1] + arguments[1:]
    runpy.run_module(f"mammo.{name}", run_name="__main__", alter_sys=True)


def usage() -> str:
    """The list of commands, one line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(["usage: mammo NAME [arguments]; mammo NAME --help explains a command", "", *lines])


if __name__ == "__main__":
    main()
