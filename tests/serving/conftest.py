"""A running server of the page for the tests of its requests and of the page itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.serving.page_cases import Served


@pytest.fixture
def server(capsys: pytest.CaptureFixture[str], folder: Path) -> "Iterator[Served]":
    """A server that lists the images of the module's fixture `folder`."""
    from mammo.serving.page_files import ListedFiles
    from tests.serving.page_cases import served  # needs the extra serve

    with served(capsys, files=ListedFiles.of(folder)) as found:
        yield found
