from pathlib import Path

import pytest


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A folder that a payload would change if it acted."""
    (tmp_path / "canary").mkdir()
    return tmp_path / "canary"
