"""`python -m mammo.report runs/demo`: Table 3, figures and the page a person reads, from the finished runs there."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mammo.records import MammoError
from mammo.reporting.evaluation import evaluate
from mammo.reporting.page import Exhibit, Origin, write_report
from mammo.reporting.picture_file import read_picture
from mammo.reporting.run_folder import find_runs
from mammo.reporting.table1 import table1
from mammo.store.manifest import Manifest


def main(arguments: Sequence[str] | None = None) -> int:
    """Write <root>/report and print the path of its page; exit status 2 with one sentence when it cannot."""
    parser = argparse.ArgumentParser(prog="python -m mammo.report", description=__doc__)
    parser.add_argument("root", type=Path, help="folder that holds the runs, for example runs/demo")
    root: Path = parser.parse_args(arguments).root
    try:
        print(_report(root))
    except MammoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _report(root: Path) -> Path:
    runs = find_runs(root)
    if not runs:
        raise MammoError(f"{root}: no finished run (a folder with result.json) is there; train and score one first")
    evaluation = evaluate(runs)
    manifest = Manifest.load(root / "store") if (root / "store").is_dir() else None
    cohort = None if manifest is None else table1(manifest.images, manifest.lesions)
    pictures = [Exhibit(path.stem, *read_picture(path)) for path in sorted((root / "pictures").glob("*.npz"))]
    origin = Origin(f"python -m mammo.report {root}", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", _commit())
    return write_report(root / "report", evaluation, cohort, pictures, origin)


def _commit() -> str:
    """The commit of this code, "unknown" outside a git checkout."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=10", "HEAD"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
