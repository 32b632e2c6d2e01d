"""Wrong use of the commands: one clear sentence, exit status 2, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent.parent


def command(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=HERE, capture_output=True, text=True, env=dict(os.environ), check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("modle=floc",), "modle"),
        (("model=floc", "maps=emb"), "maps"),
        (("maps=null",), "maps"),
        (("maps=[]",), "maps=[]"),
        (("maps=[emb,bogus]",), "bogus"),
        (("model=floc", "backbone=nonsense"), "nonsense"),
        (("model=floc", "backbone=small", "store=nowhere"), "make demo"),
        (("maps=[loc,[emb]]",), "maps=[loc,[emb]]"),
        (("root=null",), "root=null: give a folder of this machine, as in root=runs/mine"),
        (("+bogus=1",), "+bogus=1: bogus cannot be added"),
        (("~maps",), "as in maps=..."),
        (("model=floc,context",), "add --multirun for one job each, write 'model=[floc,context]' for one job with all"),
        (("store=/nowhere/ünï",), "no store at /nowhere/ünï"),
        (("context=external", "context.folder=${context.nowhere}"), "context.nowhere"),
    ],
    ids=" ".join,
)
def test_wrong_use_of_train_is_one_sentence(
    small_root: Path, tmp_path: Path, overrides: tuple[str, ...], message: str
) -> None:
    status, error = command("mammo.train", f"root={tmp_path / 'nowhere'}", f"store={small_root / 'store'}", *overrides)
    assert status == 2
    assert error.startswith("error: ")
    assert message in error
    assert error.strip().count("\n") == 0


def test_score_without_a_store_is_an_error(tmp_path: Path) -> None:
    status, error = command("mammo.score", f"root={tmp_path}")
    assert (status, error.strip().count("\n")) == (2, 0)
    assert f"no store at {tmp_path}/store" in error
