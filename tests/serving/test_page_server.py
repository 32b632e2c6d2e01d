"""The page's server: what readers get is what `mammo predict` reads and draws, and hostile requests have no effect."""

import errno
import gzip
import os
import socket
import struct
import tempfile
import threading
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import cv2
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.uid import DeflatedExplicitVRLittleEndian

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from mammo.geometry import Box
from mammo.inference.outlines import Circle, draw
from mammo.intake.gate import presentation_values
from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec
from mammo.serving import page_guard, sessions
from mammo.serving.page_files import ListedFiles
from mammo.serving.page_images import KEPT_EACH
from tests.serving.page_cases import Answer, FakePredictor, Reader, Served, fresh_fork_server, served

CANARY = "ZZCANARY"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Four mammograms of a phantom patient, with a table of lesions."""
    root = tmp_path_factory.mktemp("page") / CANARY
    write_cohort(CohortSpec(seed=3, scale=0.125, n_patients=1), root, processes=1)
    with fresh_fork_server():
        yield root


@pytest.fixture
def reader(server: Served) -> Reader:
    return Reader(server)


@pytest.fixture
def image(folder: Path) -> Path:
    return next(folder.rglob("R-MLO.dcm"))


def values_of(reader: Reader, opened: dict[str, object]) -> NDArray[np.uint16]:
    answer = reader.send("GET", f"/api/images/{opened['key']}/pixels")
    return np.frombuffer(gzip.decompress(answer.body), "<u2").reshape(opened["rows"], opened["cols"])  # type: ignore[call-overload,no-any-return]


def test_a_link_works_once_and_nothing_is_answered_without_one(server: Served) -> None:
    link = server.link
    reader = Reader(server)
    paths = ("/", "/main.js", "/openapi.json", "/api/bundle", "/api/files", "/api/images/x/pixels", "/nowhere")
    for cookie in ("", f"{reader.cookie.split('=')[0]}=guessed"):
        for path in paths:
            answer = reader.send("GET", path, Cookie=cookie)
            assert (answer.status, b"Each link works once" in answer.body) == (403, True), path
        assert reader.send("POST", "/api/images", b"x", Cookie=cookie).status == 403
    for path in (link, "/?token=", "/?token=%C3%A4"):
        answer = reader.send("GET", path, Cookie="")
        assert (answer.status, f"open http://{server.address}." in answer.body.decode()) == (403, True)
    again = reader.send("GET", link)  # from the browser that has used it
    assert (again.status, again.headers["set-cookie"].split(";")[0]) == (200, reader.cookie)
    other = Reader(server)
    assert reader.send("GET", link, Cookie=other.cookie).status == 403
    assert server.link != link
    assert [reader.send("GET", path).status for path in paths[:5]] == [200] * 5
    assert b"<script>" not in reader.send("GET", "/").body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost:80"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
    ],
)
def test_other_hosts_and_origins_are_turned_away(reader: Reader, headers: dict[str, str], status: int) -> None:
    answer = reader.send("POST", "/api/images", b"12345", **headers)
    assert answer.status == status
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_pixels_are_the_presentation_values_whatever_the_file(reader: Reader, image: Path, folder: Path) -> None:
    expected = presentation_values(folder, str(image.relative_to(folder)))
    opened = reader.open(image).json
    assert (opened["laterality"], opened["view"]) == ("R", "MLO")
    assert np.array_equal(values_of(reader, opened), expected)
    content = cv2.imencode(".png", expected)[1].tobytes()
    same = reader.open(content, "laterality=R&view=MLO&spacing=0.5").json
    assert np.array_equal(values_of(reader, same), expected)
    assert same["spacing_mm"] == 0.5


@pytest.mark.parametrize(
    ("outline", "same"),
    [
        ({"polygon": [[150, 150], [190, 160], [180, 220.5]]}, [[150, 150], [190, 160], [180, 220.5]]),
        ({"box": [150.2, 170, 180, 200.7]}, Box(150, 170, 180, 201)),
        ({"circle": [180, 200, 12.5]}, Circle(180, 200, 12.5)),
    ],
)
def test_the_mask_that_is_scored_is_that_of_predict(
    server: Served, reader: Reader, image: Path, outline: dict[str, object], same: object
) -> None:
    opened = reader.open(image).json
    answer = reader.score(opened["key"], outline).json
    mask, box, _ = draw(same, (opened["rows"], opened["cols"]))  # type: ignore[arg-type]
    (kept,) = (one.last.prediction for one in server.page.images._images.values() if one.last)
    assert np.array_equal(kept.outline.mask, mask)
    assert kept.outline.box == box
    assert answer["n_pixels"] == mask.sum()
    assert answer["prediction"]["score"] == int(mask.sum()) % 997 / 997
    downloaded = reader.send("GET", f"/api/images/{opened['key']}/prediction.json").json
    assert downloaded["outline"] == outline
    assert downloaded["cases"][0]["lesions"] == [answer["prediction"]]
    picture = reader.send("GET", f"/api/images/{opened['key']}/picture.png")
    assert cv2.imdecode(np.frombuffer(picture.body, np.uint8), cv2.IMREAD_COLOR).shape[1] == 1000


@pytest.mark.parametrize("name", ["prediction.json", "picture.png"])
def test_results_of_a_score_are_never_those_of_a_later_one(reader: Reader, image: Path, name: str) -> None:
    key = reader.open(image).json["key"]
    first, second = (reader.score(key, {"circle": [180, 200, radius]}).json for radius in (10, 12))
    assert (first["number"], second["number"]) == (1, 2)
    late = reader.send("GET", f"/api/images/{key}/{name}?score=1")
    assert (late.status, "Another outline was scored" in late.detail) == (422, True)
    assert reader.send("GET", f"/api/images/{key}/{name}?score=2").status == 200


def test_windows_and_maps_lie_where_the_networks_saw_them(reader: Reader, image: Path) -> None:
    """A right breast is mirrored for the networks: the map's left edge is the chest wall, right on the screen."""
    opened = reader.open(image).json
    answer = reader.score(opened["key"], {"circle": [180, 200, 12.5]}).json
    (_, left), (_, right) = answer["saliency"]["corners"]
    assert left - right == 240
    side = np.linalg.norm(np.diff(answer["windows"][0], axis=0), axis=1)
    assert side == pytest.approx([40, 40, 40], abs=0.1)


def test_outlines_of_the_folder_are_scored_as_they_are(server: Served, reader: Reader, folder: Path) -> None:
    files = reader.send("GET", "/api/files").json
    number = next(n for n, one in enumerate(files) if one["n_outlines"])
    opened = reader.send("POST", f"/api/images?file={number}").json
    answer = reader.score(opened["key"], {"known": 0}).json
    masks = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) > 0 for path in (folder / "outlines").iterdir()]
    assert answer["n_pixels"] in [mask.sum() for mask in masks if mask.shape == (opened["rows"], opened["cols"])]
    assert "has no outline of number 99" in reader.score(opened["key"], {"known": 99}).detail


def load(reader: Reader, key: str, name: str, content: bytes, image: str = "") -> Answer:
    return reader.send("POST", f"/api/images/{key}/outlines?{urlencode({'name': name, 'image': image})}", content)


def test_outlines_of_a_file_are_added_and_scored(reader: Reader, folder: Path) -> None:
    """Of an upload by the name that the page gives with the file, of an image of the folder by its path."""
    table = b"image,lesion_id,row0,row1,col0,col1\nPHANTOM-0001/R-MLO.dcm,mine,150,180,170,190\n"
    files = reader.send("GET", "/api/files").json
    number = next(n for n, one in enumerate(files) if one["name"].endswith("R-MLO.dcm"))
    uploaded = reader.open(folder / "PHANTOM-0001" / "R-MLO.dcm").json
    listed = reader.send("POST", f"/api/images?file={number}").json
    for opened, image in ((uploaded, "R-MLO.dcm"), (listed, "")):
        found = load(reader, opened["key"], "my.CSV", table, image).json
        n_known = len(opened["known"])
        assert found["known"][:n_known] == opened["known"]
        assert (found["known"][n_known]["id"], found["problems"]) == ("mine", [])
        assert reader.score(opened["key"], {"known": n_known}).json["n_pixels"] == 600


def test_an_outline_of_several_parts_says_that_not_all_is_drawn(reader: Reader, folder: Path) -> None:
    opened = reader.open(folder / "PHANTOM-0001" / "R-MLO.dcm").json
    mask = np.zeros((opened["rows"], opened["cols"]), np.uint8)
    mask[150:160, 150:170] = 255
    for n_parts in (1, 2):
        mask[200 : 200 + 4 * (n_parts - 1), 150:170] = 255
        content = cv2.imencode(".png", mask)[1].tobytes()
        (*_, found) = load(reader, opened["key"], "mask.png", content, "R-MLO.dcm").json["known"]
        assert found["is_exact"] == (n_parts == 1)
        assert np.ptp(found["points"], axis=0) == pytest.approx([10, 20])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "The file is empty"),
        ("a.csv", b"image,outline\nother.dcm,x\n", "The file names no image R-MLO.dcm"),
        ("a.csv", b"image,outline\nR-MLO.dcm,x\n", "The file row 2: the outline must be row,col"),
        ("a.csv", b"\xff\xfe\x00", "The file"),
        ("a.json", b"{}", "The file is not valid COCO JSON"),
        ("a.xlsx", b"PK not a workbook", "The file"),
        ("a.dcm", b"not DICOM", "The file: "),
        ("../../../etc/passwd", b"not DICOM", "The file: "),
    ],
)
def test_a_bad_file_of_outlines_is_one_sentence(
    server: Served, reader: Reader, image: Path, name: str, content: bytes, sentence: str
) -> None:
    opened = reader.open(image).json
    answer = load(reader, opened["key"], name, content, "../R-MLO.dcm")
    assert answer.status == 422
    assert sentence in answer.detail
    assert tempfile.gettempdir() not in answer.detail
    assert reader.score(opened["key"], {"known": len(opened["known"])}).status == 422
    assert "Traceback" not in server.log


WRONG = [
    None,
    [],
    {},
    {"polygon": []},
    {"polygon": [[1, 2], [3, 4]]},
    {"polygon": [["a", 2], [3, 4], [5, 6]]},
    {"polygon": [[1e308, 2], [3, 4], [5, 6]]},
    {"polygon": [[10**400, 2], [3, 4], [5, 6]]},
    {"circle": [100, 100, 1e308]},
    {"known": True},
    {"polygon": [[0, 0], [0, 1e9], [1e9, 1e9], [1e9, 0]]},
    {"box": [1, 2, 3]},
    {"box": [20, 10, 20, 10]},
    {"box": [1, float("inf"), 2, 3]},
    {"circle": [10, 10, -5]},
    {"circle": [10, 10, float("nan")]},
    {"known": "../../etc/passwd"},
    {"path": "/etc/passwd"},
]


def test_a_wrong_outline_is_one_sentence(reader: Reader, image: Path) -> None:
    key = reader.open(image).json["key"]
    for outline in WRONG:
        answer = reader.score(key, outline)
        assert answer.status == 422, outline
        assert len(answer.detail) > 20
        assert "\n" not in answer.detail


def png(width: int, height: int, rows: bytes) -> bytes:
    """A grayscale PNG of 16 bits with this compressed content."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def inflating_dicom(image: Path) -> bytes:
    """A deflated DICOM file of some kB whose pixels need 700 MB."""
    dataset, file = pydicom.dcmread(image), BytesIO()
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.PixelData = bytes(700 << 20)
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "query", "sentence"),
    [
        (b"", "", "The file is empty"),
        (b"not an image", "", "DICOM"),
        (b"\x89PNG broken", "laterality=L&view=CC", "The image: "),
        (png(60000, 60000, zlib.compress(bytes(1 << 24))), "laterality=L&view=CC", "The image: "),
        (png(4000, 4000, zlib.compress(bytes(1 << 20))), "", "choose the breast under 'What the file does not say'"),
        (b"x", "laterality=<b>", "Breast is L or R"),
        (b"x", "spacing=-1", "pixel spacing is -1 mm"),
        (b"", "file=99999", "no image of number"),
        (b"", "file=" + "9" * 5000, "no image of number"),
        (b"", "file=..%2F..%2Fetc%2Fpasswd", "no image of number"),
    ],
)
def test_a_bad_file_is_one_sentence_with_a_remedy(
    server: Served, reader: Reader, content: bytes, query: str, sentence: str
) -> None:
    answer = reader.open(content, query)
    assert answer.status == 422
    assert sentence in answer.detail
    assert ": " in answer.detail or "give" in answer.detail or "is L or R" in answer.detail
    assert tempfile.gettempdir() not in answer.detail
    assert "Traceback" not in server.log


@pytest.mark.faults
def test_an_archive_that_inflates_is_rejected_and_the_server_goes_on(reader: Reader, image: Path) -> None:
    content = inflating_dicom(image)
    assert len(content) < 1 << 21
    assert reader.open(content).status == 422
    assert reader.open(image).status == 200


def test_images_are_their_readers_own_and_few_at_a_time(server: Served, reader: Reader, image: Path) -> None:
    keys = [reader.open(image).json["key"] for _ in range(KEPT_EACH + 1)]
    other = Reader(server)
    assert [reader.send("GET", f"/api/images/{key}/pixels").status for key in keys] == [422] + [200] * KEPT_EACH
    assert {other.send("GET", f"/api/images/{key}/pixels").status for key in keys} == {422}
    assert "open it again" in other.send("GET", f"/api/images/{keys[-1]}/pixels").detail


def test_a_closed_image_is_forgotten(server: Served, reader: Reader, image: Path) -> None:
    kept, closed = (reader.open(image).json["key"] for _ in range(2))
    assert Reader(server).send("DELETE", f"/api/images/{kept}").status == 204
    assert reader.send("DELETE", f"/api/images/{closed}").status == 204
    assert [reader.send("GET", f"/api/images/{key}/pixels").status for key in (kept, closed)] == [200, 422]


def test_a_hundred_uploads_are_slowed_down(reader: Reader, server: Served) -> None:
    found = [reader.open(b"") for _ in range(100)]
    assert [answer.status for answer in found] == [422] * sessions.PER_MINUTE + [429] * (100 - sessions.PER_MINUTE)
    assert "wait a minute" in found[-1].detail
    assert Reader(server).open(b"").status == 422


def test_a_body_that_is_too_large_ends(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_guard, "MAX_BYTES", 1 << 20)
    assert reader.open(bytes((1 << 20) + 1)).status == 413
    chunks = (bytes(1 << 18) for _ in range(5))
    assert reader.send("POST", "/api/images", chunks).status == 413
    assert "More than 1 MiB" in reader.score("x", "0" * (1 << 21)).detail


def test_a_slow_sender_is_cut_off_and_delays_no_other(
    reader: Reader, server: Served, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_guard, "STALL_S", 1.0)
    host, port = server.address.split(":")
    head = f"POST /api/images HTTP/1.1\r\nHost: {server.address}\r\nOrigin: http://{server.address}\r\n"
    head += f"Cookie: {reader.cookie}\r\nContent-Length: 1000\r\n\r\nxx"
    with socket.create_connection((host, int(port)), timeout=60) as slow:
        slow.sendall(head.encode())
        with monkeypatch.context() as few:
            few.setattr(page_guard, "ALL_UPLOADS", 1)
            few.setattr(page_guard, "ROOM_S", 0.1)
            assert Reader(server).open(image).status == 503
        assert Reader(server).open(image).status == 200
        assert b" 408 " in slow.recv(1000)


def test_readers_at_once_get_their_own_answers(server: Served, image: Path) -> None:
    readers, found = [Reader(server) for _ in range(6)], {}

    def work(number: int) -> None:
        key = readers[number].open(image).json["key"]
        found[number] = readers[number].score(key, {"box": [150, 160 + number, 180, 200]}).json["n_pixels"]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: (10 + number) * 20 for number in range(6)}


def test_a_full_temporary_folder_is_a_sentence(
    capsys: pytest.CaptureFixture[str], image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory for files is small in containers, 64 MB by default."""
    predictor = FakePredictor()
    predictor.error = OSError(errno.ENOSPC, "No space left on device")
    with served(capsys, predictor) as server:
        reader = Reader(server)
        failed = reader.score(reader.open(image).json["key"], {"box": [150, 170, 180, 200]})
        assert (failed.status, failed.detail.startswith("The server has no room for this")) == (507, True)
        assert "is full (No space left on device): make room there" in server.log
        assert "defect" not in server.log


def test_no_identifier_is_printed_or_left_behind(
    capsys: pytest.CaptureFixture[str], folder: Path, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dataset, file = pydicom.dcmread(image), BytesIO()
    dataset.PatientName = dataset.PatientID = CANARY
    dataset.save_as(file, enforce_file_format=True)
    predictor = FakePredictor()
    with served(capsys, predictor, ListedFiles.of(folder)) as server:
        reader = Reader(server)
        key = reader.open(file.getvalue()).json["key"]
        assert reader.score(key, {"box": [150, 170, 180, 200]}).status == 200
        reader.send("POST", "/api/images?file=0")
        reader.open(b"not an image " + CANARY.encode())
        reader.send("GET", f"/{CANARY}?token={CANARY}")
        predictor.error = RuntimeError(CANARY)
        failed = reader.score(key, {"box": [150, 170, 180, 200]})
        assert (failed.status, failed.detail) == (500, "The program has a defect: please report what you did.")
        assert reader.send("GET", "/api/bundle").status == 200
        printed = server.log
    assert "an outline was scored" in printed
    assert "a defect of the program (RuntimeError): please report it" in printed
    assert CANARY not in printed
    assert "Traceback" not in printed
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not os.path.exists("mammo.log")
