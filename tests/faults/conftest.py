from pathlib import Path

import pytest

from tests.faults.command_lines import prepared_root
from tests.faults.planted import Planted, planted_root
from tests.faults.trees import Roots


@pytest.fixture(scope="session")
def full_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the outputs of every command. Read only."""
    return prepared_root(tmp_path_factory.mktemp("faults") / "root")


@pytest.fixture(scope="session")
def roots(full_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Roots:
    """Where commands are disturbed, one at a time."""
    return Roots(full_root, tmp_path_factory.mktemp("disturbed"))


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """A root with the outputs of every command, made from a cohort of canaries. Copied before it is changed."""
    return planted_root(tmp_path_factory.mktemp("canaries"))
