from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.command_lines import prepared_root
from tests.faults.planted import Planted, planted_root
from tests.faults.trees import Roots


@pytest.fixture(scope="session")
def full_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the outputs of every command. Read only."""
    return prepared_root(tmp_path_factory.mktemp("faults") / "root")


@pytest.fixture(scope="session")
def roots(full_root: Path) -> Iterator[Roots]:
    """Where commands are disturbed, one at a time: below a short path, as commands want it for temporary files."""
    with TemporaryDirectory(prefix="m") as folder:
        yield Roots(full_root, Path(folder))


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """A root with the outputs of every command, made from a cohort of canaries. Copied before it is changed."""
    return planted_root(tmp_path_factory.mktemp("canaries"))
