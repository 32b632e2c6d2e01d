"""A Slurm for all tests of this folder, and a root with a small store that each test copies."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.command_lines import COMMAND_LINES
from tests.slurm.cluster import PACKAGES, Cluster, missing_programs, running_cluster

STEPS = ("phantom", "ingest", "split")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder: they need the programs of Slurm."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slurm)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Slurm with one node of 16 pretended cores and two pretended GPUs."""
    if missing := missing_programs():
        pytest.skip(f"{', '.join(missing)} not installed: apt-get install {PACKAGES}")
    with TemporaryDirectory(prefix="slurm") as folder, running_cluster(Path(folder)) as started:
        yield started


@pytest.fixture(scope="session")
def made_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a phantom cohort and its store. Read only."""
    root = tmp_path_factory.mktemp("made") / "root"
    for line in COMMAND_LINES:
        if line.name in STEPS:
            subprocess.run([sys.executable, "-m", "mammo", *line.words(root)], check=True, capture_output=True)
    return root


@pytest.fixture
def root(made_root: Path, tmp_path: Path) -> Path:
    """A copy of the root, for one test."""
    return shutil.copytree(made_root, tmp_path / "root")


def environment(cluster: Cluster) -> dict[str, str]:
    """The variables of a mammo command that uses the cluster."""
    return {**os.environ, **cluster.environ}
