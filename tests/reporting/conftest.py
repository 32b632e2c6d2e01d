import shutil
from pathlib import Path

import pytest

VIEWS = "sal+ipsi+contra+emb"


@pytest.fixture(scope="session")
def views_root(reported_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reported root with one more run, which reads maps of the other images of the exam. Read only."""
    from mammo.records import Split  # imports numpy, so only after the environment is set
    from mammo.store.manifest import Manifest
    from tests.conftest import write_result, write_scores

    root = tmp_path_factory.mktemp("views")
    shutil.copytree(reported_root, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("report"))
    folder = root / "table3" / f"fagg-{VIEWS}-s0-0"
    folder.mkdir()
    for split, ending in ((Split.TEST, ""), (Split.VAL, "-val")):
        write_scores(folder, Manifest.load(root / "store").of_split(split), ending, seed=5)
    write_result(folder, VIEWS, {"context": "../context-s0-0/best.ckpt"})
    return root
