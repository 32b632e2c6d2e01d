"""The wheel runs from an empty environment and an empty folder: data, training, a sweep and a report.

MAMMO_WHEEL_PACKAGES names a folder of installed packages (site-packages) that stands in for those that pip would fetch.
"""

import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from mammo import __version__

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "mammo" / "serving" / "page"
SMALL = "trainer=cpu trainer.max_epochs=1 workers=0 quota.malignant=8 quota.benign=8 quota.outside=8 quota.negative=8"


def run(folder: Path, *command: str | Path) -> str:
    """The standard output of a command that succeeds; it finds nothing of this repository."""
    surroundings = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "MAMMO_ROOT")}
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment with the wheel alone and what it requires."""
    place = tmp_path_factory.mktemp("wheel")
    run(place, sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", ROOT, "-w", place)
    (wheel,) = place.glob("*.whl")
    venv.create(place / "env", with_pip=True)
    python = place / "env" / "bin" / "python"
    if packages := os.environ.get("MAMMO_WHEEL_PACKAGES"):
        purelib = run(place, python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'), end='')")
        Path(purelib, "other.pth").write_text(f"{packages}\n")
        run(place, python, "-m", "pip", "install", "-q", "--no-deps", wheel)
    else:
        run(place, python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel)
    return place / "env" / "bin"


def test_the_configuration_travels_inside_the_package(bin_folder: Path, tmp_path: Path) -> None:
    code = "from mammo.cli.hydra_app import CONF; print(CONF, end='')"
    conf = Path(run(tmp_path, bin_folder / "python", "-c", code))
    assert bin_folder.parent in conf.parents
    assert (conf.name, conf.parent.name) == ("conf", "mammo")
    ours, theirs = ({str(path.relative_to(tree)) for path in tree.rglob("*.yaml")} for tree in (ROOT / "conf", conf))
    assert ours == theirs
    assert not (conf.parent.parent / "conf").exists()


def test_the_page_of_serve_travels_inside_the_package(bin_folder: Path, tmp_path: Path) -> None:
    code = "import mammo.serving; print(mammo.serving.__path__[0], end='')"
    page = Path(run(tmp_path, bin_folder / "python", "-c", code)) / "page"
    assert bin_folder.parent in page.parents
    ours, theirs = ({path.name: path.read_bytes() for path in place.iterdir()} for place in (PAGE, page))
    assert ours == theirs


def test_the_three_forms_of_a_command_are_the_same(bin_folder: Path, tmp_path: Path) -> None:
    python = bin_folder / "python"
    for words in (["split", "--cfg", "job"], ["train", "--help"], ["compare", "--help"]):
        name, *rest = words
        forms = [[bin_folder / "mammo", name], [python, "-m", "mammo", name], [python, "-m", f"mammo.{name}"]]
        printed = {run(tmp_path, *form, *rest) for form in forms}
        assert len(printed) == 1
        assert printed != {""}
    assert run(tmp_path, bin_folder / "mammo", "--version") == f"mammo {__version__}\n"


def test_an_empty_folder_becomes_a_report(bin_folder: Path, tmp_path: Path) -> None:
    lines = [
        "phantom n_patients=12 seed=3",
        "ingest",
        "split 'fractions=[0.4,0.3,0.3]' allow_empty=true",
        f"train model=floc backbone=small {SMALL}",
        f"train --multirun model=floc backbone=small {SMALL} group=swept seed=1,2 windows_per_lesion.val=4",
        f"train maps=loc {SMALL} windows_per_lesion.val=4 windows_per_lesion.test=4",
        "report --group runs --lesions 2",
        "sweep status",
    ]
    for line in lines:
        name, *words = shlex.split(line)
        run(tmp_path, bin_folder / "mammo", name, *words)
    root = tmp_path / "runs" / "demo"
    assert (root / "report" / "report.html").stat().st_size > 10_000
    assert len(list((root / "swept").glob("floc-*/result.json"))) == 2
    assert len(list((root / "runs").glob("*/result.json"))) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
