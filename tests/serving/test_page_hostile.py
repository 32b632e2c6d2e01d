"""Hostile requests, files and names: none has an effect, stops other readers, or is printed."""

import gzip
import json
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pandas as pd
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec
from mammo.serving import prompt_connection
from mammo.serving.page_scores import MOST_POINTS
from mammo.serving.sessions import UPLOADS
from tests.serving.page_cases import Reader, Served, fresh_fork_server

SCRIPT = "</script><script>alert(1)</script>"
NAMES = ("ZZNAME\nsecond.dcm", "ZZNAME<img src=x onerror=alert(1)>.dcm", "ZZNAME%2e%2e%2f.dcm", "ZZNAME'\"`$(id).dcm")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Mammograms with hostile names, a link that leads out of the folder, and lesions whose ids are scripts."""
    root = tmp_path_factory.mktemp("page")
    write_cohort(CohortSpec(seed=3, scale=0.125, n_patients=1), root / "out", processes=1)
    (root / "in").mkdir()
    content = next((root / "out").rglob("R-MLO.dcm")).read_bytes()
    for name in ("plain.dcm", *NAMES):
        (root / "in" / name).write_bytes(content)
    (root / "in" / "link.dcm").symlink_to(next((root / "out").rglob("L-CC.dcm")))
    rows = [("plain.dcm", f"ZZID {SCRIPT} {number}", 150, 170, 180 + number, 200 + number) for number in range(2)]
    columns = ["image", "lesion_id", "row0", "row1", "col0", "col1"]
    pd.DataFrame(rows, columns=columns).to_csv(root / "in" / "lesions.csv", index=False)
    with fresh_fork_server():
        yield root / "in"


@pytest.fixture
def image(folder: Path) -> Path:
    return folder / "plain.dcm"


@pytest.fixture
def reader(server: Served) -> Reader:
    return Reader(server)


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/page/../page_app.py",
        "/page_app.py",
        "/main.js/../../page_app.py",
        "/main.js%00",
        "/api/images/..%2f..%2f..%2fetc%2fpasswd/pixels",
        "/api/images/%00/prediction.json",
        "/api/images/<script>/results.zip",
        "/api/neighbors/..%2f..%2fetc%2fpasswd.png",
    ],
)
def test_no_path_leads_to_another_file(reader: Reader, path: str) -> None:
    answer = reader.send("GET", path)
    assert answer.status in (404, 422)
    assert b"root:" not in answer.body
    assert b"import " not in answer.body
    assert answer.headers["content-type"] == "application/json"


def test_names_of_files_have_no_effect_and_are_not_printed(server: Served, reader: Reader, folder: Path) -> None:
    listed = [one["name"] for one in reader.send("GET", "/api/files").json]
    assert set(NAMES) <= set(listed)
    for number, name in enumerate(listed):
        answer = reader.send("POST", f"/api/images?file={number}")
        assert (answer.status, name == "link.dcm") in ((200, False), (422, True)), name
        if answer.status == 200:
            scored = reader.score(answer.json["key"], {"circle": [180, 200, 12]})
            assert scored.status == 200
        else:
            assert str(folder) not in answer.detail
    assert "ZZNAME" not in server.log
    assert "Traceback" not in server.log


def test_ids_of_lesions_are_data_and_are_not_printed(server: Served, reader: Reader) -> None:
    files = reader.send("GET", "/api/files").json
    number = next(number for number, one in enumerate(files) if one["n_outlines"])
    answer = reader.send("POST", f"/api/images?file={number}")
    assert [one["id"] for one in answer.json["known"]] == [f"ZZID {SCRIPT} {n}" for n in range(2)]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert reader.score(answer.json["key"], {"known": 1}).status == 200
    assert "ZZID" not in server.log


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000,
        b'{"box": [1e999, 2, 3, 4]}',
        b'{"circle": [NaN, 1, 2]}',
        b'{"polygon": ' + json.dumps([[1, 2]] * (MOST_POINTS + 1)).encode() + b"}",
        b'{"known": 0, "known": 1, "box": []}',
        b"\xff\xfe\x00",
        b'{"__proto__": {"polluted": 1}}',
    ],
)
def test_a_hostile_outline_is_one_sentence(server: Served, reader: Reader, image: Path, body: bytes) -> None:
    key = reader.open(image).json["key"]
    answer = reader.send("POST", f"/api/images/{key}/score", body)
    assert answer.status == 422
    assert "draw it again" in answer.detail
    assert "Traceback" not in server.log


def zip_of_zeros() -> bytes:
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"../../{number}.dcm", bytes(10 << 20))
    return file.getvalue()


def test_what_would_unpack_is_not_unpacked(reader: Reader, image: Path) -> None:
    """A zip archive, a compressed body whose header says so, and a stream of zlib."""
    zeros = bytes(50 << 20)
    for content, headers in (
        (zip_of_zeros(), {}),
        (gzip.compress(zeros), {"Content-Encoding": "gzip"}),
        (gzip.compress(image.read_bytes()), {"Content-Encoding": "gzip"}),
        (zlib.compress(zeros), {"Content-Encoding": "deflate"}),
    ):
        started = time.monotonic()
        answer = reader.send("POST", "/api/images", content, **headers)
        assert answer.status == 422
        assert time.monotonic() - started < 20
    assert reader.open(image).status == 200


@pytest.mark.parametrize("address", ["score", "send"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_other_origins_change_nothing(reader: Reader, image: Path, address: str, origin: str) -> None:
    key = reader.open(image).json["key"]
    answer = reader.send("POST", f"/api/images/{key}/{address}", b'{"circle": [180, 200, 12]}', Origin=origin)
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers
    assert "Nothing was scored" in reader.send("GET", f"/api/images/{key}/prediction.json").detail


def head(reader: Reader, n_bytes: int) -> bytes:
    """The head of an upload by a reader."""
    lines = ["POST /api/images HTTP/1.1", f"Host: {reader.address}", f"Origin: http://{reader.address}"]
    lines += [f"Cookie: {reader.cookie}", f"Content-Length: {n_bytes}", "", ""]
    return "\r\n".join(lines).encode()


def connect(reader: Reader) -> socket.socket:
    host, port = reader.address.split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def test_a_reader_sends_few_files_at_once(server: Served, reader: Reader, image: Path) -> None:
    slow = [connect(reader) for _ in range(UPLOADS)]
    try:
        for one in slow:
            one.sendall(head(reader, 1000) + b"x")
        time.sleep(0.3)
        answer = reader.open(image)
        assert (answer.status, answer.detail) == (429, f"{UPLOADS} files are being sent already: wait for them.")
        assert Reader(server).open(image).status == 200
    finally:
        for one in slow:
            one.close()
    deadline = time.monotonic() + 10
    while reader.open(image).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_connections_without_a_request_end_and_stop_no_other(
    server: Served, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing at all, half a head, and a head of which a byte comes now and then."""
    monkeypatch.setattr(prompt_connection, "HEAD_S", 1.5)
    reader = Reader(server)
    silent = [connect(reader) for _ in range(100)]
    half, dripping = connect(reader), connect(reader)
    half.sendall(b"GET /api/bundle HTTP/1.1\r\nHost:")
    assert Reader(server).open(image).status == 200
    started, ended = time.monotonic(), False
    dripping.settimeout(0.2)
    while not ended and time.monotonic() < started + 20:
        try:
            dripping.sendall(b"G")
            ended = dripping.recv(1) == b""
        except TimeoutError:
            continue
        except OSError:
            ended = True
    assert ended
    for one in (half, *silent):
        one.settimeout(20)
        with suppress(ConnectionResetError):
            assert one.recv(1) == b""
        one.close()
    dripping.close()


def test_a_reader_who_takes_no_answer_stops_no_other(
    server: Served, reader: Reader, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt_connection, "SENT_S", 1.0)
    key = reader.open(image).json["key"]
    request = f"GET /api/images/{key}/pixels HTTP/1.1\r\nHost: {reader.address}\r\nCookie: {reader.cookie}\r\n\r\n"
    stuck = []
    for _ in range(20):
        one = connect(reader)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(request.encode())
        stuck.append(one)
    other = Reader(server)
    opened = other.open(image).json["key"]
    assert other.score(opened, {"circle": [180, 200, 12]}).status == 200
    for one in stuck:
        one.close()
