"""Scores that --save keeps: every one, as the reader can download it, under names without identifiers."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec
from mammo.records import MammoError
from mammo.serving.page_extras import Extras
from mammo.serving.page_files import ListedFiles
from mammo.serving.page_saves import Saves
from tests.serving.page_cases import Reader, fresh_fork_server, served

CANARY = "ZZCANARY"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Mammograms in a folder whose name identifies a patient."""
    root = tmp_path_factory.mktemp("page") / "data"
    write_cohort(CohortSpec(seed=3, scale=0.125, n_patients=1), root / CANARY, processes=1)
    with fresh_fork_server():
        yield root


def test_every_score_is_kept_as_it_is_downloaded(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    saves, downloads = Saves.into(tmp_path / "scores", folder), []
    with served(capsys, files=ListedFiles.of(folder), extras=Extras(saves=saves)) as server:
        reader = Reader(server)
        keys = [reader.send("POST", "/api/images?file=0").json["key"]]
        keys.append(reader.open(next(folder.rglob("R-MLO.dcm"))).json["key"])
        for key, radius in ((keys[0], 10), (keys[0], 12), (keys[1], 14)):
            answer = reader.score(key, {"circle": [180, 200, radius]}).json
            assert answer["not_saved"] == ""
            downloads.append(reader.send("GET", f"/api/images/{key}/prediction.json").json)
        reader.score(keys[0], {"circle": [0, 0, -1]})  # nothing is kept of what was not scored
    files = sorted(path for path in (tmp_path / "scores").rglob("*") if path.is_file())
    kept = [json.loads(path.read_text()) for path in files]
    assert sorted(kept, key=str) == sorted(downloads, key=str)
    assert [one["outline"]["circle"][2] for one in downloads] == [10, 12, 14]
    assert CANARY in downloads[0]["cases"][0]["image"]  # as predictions.json, whose owner alone can read it
    assert downloads[2]["cases"][0]["image"] == "image"
    assert sorted(path.name for path in files) == ["score-0001.json", "score-0001.json", "score-0002.json"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    assert not any(CANARY in str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))


def test_a_full_disk_is_said_and_the_score_shown(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with served(capsys, extras=Extras(saves=Saves.into(tmp_path / "scores", None))) as server:
        monkeypatch.setattr("mammo.serving.page_saves.atomic_write", full)
        reader = Reader(server)
        answer = reader.score(reader.open(next(folder.rglob("R-MLO.dcm"))).json["key"], {"circle": [180, 200, 10]}).json
    assert answer["prediction"]["score"] > 0
    assert answer["not_saved"] == "This score was not saved on the server (No space left on device): download it."


def test_a_wrong_folder_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"lies in .*, whose images are scored: name a folder elsewhere"):
        Saves.into(folder / "scores", folder)
    (tmp_path / "file").touch()
    with pytest.raises(MammoError, match=r"--save .*file: no file can be made there"):
        Saves.into(tmp_path / "file", None)
    (tmp_path / "old.txt").write_text("kept")
    Saves.into(tmp_path, None)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["file", "old.txt"]
