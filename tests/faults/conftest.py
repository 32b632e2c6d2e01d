from pathlib import Path

import pytest

from tests.faults.command_lines import prepared_root


@pytest.fixture(scope="session")
def full_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the outputs of every command. Read only."""
    return prepared_root(tmp_path_factory.mktemp("faults") / "root")
