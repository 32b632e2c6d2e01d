"""The node's scores are those of `mammo predict`, from a real bundle."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pandas as pd
import pydicom
import pytest
from pydicom.dataset import Dataset

pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from pynetdicom import AE

from mammo.bundle import main as bundle_runs
from mammo.cli.commands import ENDINGS
from mammo.dicom_out.results import dicom_results
from mammo.inference.predictor import PredictOptions, Predictor
from mammo.predict import main as predict
from mammo.records import MammoError
from mammo.serving.application_entity import Address
from mammo.serving.bundle_scorer import bundle_scorer
from mammo.serving.case_queue import Case, CaseQueue
from tests.dicom_out.predictions import BUNDLE, case, lesion
from tests.inference.conftest import fagg, trained_root  # noqa: F401  (fixtures)
from tests.serving.cases import ROOT, counting_peer, free_port, reachable, until

pytestmark = pytest.mark.dicom


@pytest.fixture(scope="module")
def bundle(fagg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    path = tmp_path_factory.mktemp("bundle") / "my.bundle"
    assert bundle_runs([str(fagg), "-o", str(path), "--sensitivity-lesions", "3"]) == 0
    return path


def first_case(root: Path) -> tuple[Dataset, Dataset]:
    """A mammogram of a right breast, and its outline as a segmentation."""
    rows = pd.read_csv(root / "dicom" / "lesions.csv")
    row = next(each for _, each in rows.iterrows() if "/R-" in each["image"])
    source = pydicom.dcmread(root / "dicom" / row["image"])
    mask = cv2.imread(str(root / "dicom" / row["mask"]), cv2.IMREAD_UNCHANGED) > 0
    return source, dicom_results(case(lesion(mask, 0, 0)), source, BUNDLE)["outlines.dcm"]


def test_a_node_scores_as_predict_does(bundle: Path, trained_root: Path, tmp_path: Path) -> None:  # noqa: F811
    source, outlines = first_case(trained_root)
    folder = tmp_path / "case"
    folder.mkdir()
    source.save_as(folder / "image.dcm")
    outlines.save_as(folder / "outlines.dcm", enforce_file_format=True)
    assert predict([str(bundle), str(folder), "-o", str(tmp_path / "out"), "--no-changes", "--no-pictures"]) == 0
    expected = pd.read_csv(tmp_path / "out" / "predictions.csv")
    scorer = bundle_scorer(Predictor.load(bundle, PredictOptions(changes=False)))
    found, pictures = scorer.score(Case("one", folder / "image.dcm", folder / "outlines.dcm"))
    assert [each.score for each in found.lesions] == expected["score"].tolist()
    assert [each.probability for each in found.lesions] == expected["probability"].tolist()
    assert [picture.shape[1:] for picture in pictures] == [(1000, 3)]
    assert pictures[0].std() > 10
    results = dicom_results(found, source, scorer.bundle, pictures)
    assert sorted(results) == ["outlines.dcm", "picture-1.dcm", "report.dcm"]
    source.SOPInstanceUID = source.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    source.save_as(tmp_path / "other.dcm")
    with pytest.raises(MammoError, match="no segment on this image"):
        scorer.score(Case("other", tmp_path / "other.dcm", folder / "outlines.dcm"))


@contextmanager
def served(bundle: Path, queue: Path, peer: Address) -> Iterator[tuple[Address, subprocess.Popen[str]]]:
    """`mammo serve` as a process, once it listens."""
    own = Address("MAMMO", "127.0.0.1", free_port())
    words = [str(bundle), "--dicom", "--queue", str(queue), "--accept", "SENDER", "--windows", "20"]
    command = [sys.executable, "-m", "mammo", "serve", *words, "--peer", str(peer), "--listen", str(own)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=ROOT, text=True, process_group=0, **pipes) as process:
        try:
            until(lambda: reachable(own) or process.poll() is not None, 120)
            assert process.poll() is None, process.communicate()[0]
            yield own, process
        finally:
            process.kill()


def send(node: Address, *datasets: Dataset) -> None:
    entity = AE(ae_title="SENDER")
    for made in datasets:
        entity.add_requested_context(made.SOPClassUID, made.file_meta.TransferSyntaxUID)
    association = entity.associate(node.host, node.port, ae_title=node.title)
    assert [association.send_c_store(made).Status for made in datasets] == [0] * len(datasets)
    association.release()


def test_a_served_bundle_that_is_killed_sends_every_result_once(
    bundle: Path,
    trained_root: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    queue, sent = CaseQueue(tmp_path / "queue"), first_case(trained_root)
    with counting_peer(tmp_path / "peer.log") as peer:
        with served(bundle, queue.folder, peer.address) as (node, process):
            send(node, *sent)
            process.kill()  # confirmed, and most likely not scored
        with served(bundle, queue.folder, peer.address):
            until(lambda: queue.status()["sent"] == 1, 120)
        with served(bundle, queue.folder, peer.address) as (node, process):
            send(node, *sent)
            until(lambda: queue.status()["received/outlines"] == 1)
            process.terminate()
            printed = process.communicate(timeout=60)[0]
        assert process.returncode == 143
        assert printed.splitlines().count("terminated") == 1
        assert len(peer.objects()) == len({uid for uid, _ in peer.objects()}) == 3
    assert str(sent[0].PatientName) not in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_node_that_waits(bundle: Path, tmp_path: Path, signum: signal.Signals) -> None:
    peer = Address("PEER", "127.0.0.1", free_port())
    with served(bundle, tmp_path / "queue", peer) as (_, process):
        os.killpg(process.pid, signum)
        printed = process.communicate(timeout=60)[0]
    assert process.returncode == 128 + signum
    assert printed.splitlines()[1:] == [ENDINGS[signum]]


def test_a_node_that_ctrl_c_ends_while_it_scores_sends_every_result_afterwards(
    bundle: Path,
    trained_root: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    queue = CaseQueue(tmp_path / "queue")
    with counting_peer(tmp_path / "peer.log") as peer:
        with served(bundle, queue.folder, peer.address) as (node, process):
            send(node, *first_case(trained_root))
            until(lambda: queue.status()["received/outlines"] == 1)
            os.killpg(process.pid, signal.SIGINT)
            printed = process.communicate(timeout=60)[0]
        assert process.returncode == 130
        assert printed.splitlines()[-1] == "interrupted"
        assert "Traceback" not in printed
        assert queue.status()["failed"] == 0
        with served(bundle, queue.folder, peer.address):
            until(lambda: queue.status()["sent"] == 1, 120)
        assert len(peer.objects()) == len({uid for uid, _ in peer.objects()}) == 3
