import pytest

from mammo.ingestion.worker import PRELOAD
from mammo.intake.sandbox import Workers, isolated


@pytest.fixture(scope="session", autouse=True)
def fork_server() -> None:
    """Start the fork server as an ingest does, so that its children import nothing."""
    list(isolated(len, [""], Workers(1, preload=PRELOAD)))
