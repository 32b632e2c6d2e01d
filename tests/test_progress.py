"""Progress is reported correctly and separately from results."""

from collections.abc import Iterator

import pytest

from mammo import progress
from mammo.progress import track
from tests.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def on_terminal(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: answer)


@pytest.mark.parametrize("terminal", [True, False])
def test_items_pass_through_in_order(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch, terminal)
    assert list(track(iter("abc"), "spell", total=3)) == ["a", "b", "c"]


@pytest.mark.parametrize("terminal", [True, False])
def test_results_and_progress_do_not_mix(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_terminal(monkeypatch, terminal)
    for item in track([1, 2], "count", total=2):
        print(item)
    printed = capsys.readouterr()
    assert printed.out == "1\n2\n"
    assert "2/2" in printed.err


def test_the_log_shows_rate_and_time_left_periodically(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in track(range(10), "ingest", total=10):
        clock.now += 2
    assert capsys.readouterr().err.splitlines() == [
        "ingest: 3/10 images, 0.5/s, 14 s left",
        "ingest: 6/10 images, 0.5/s, 8 s left",
        "ingest: 9/10 images, 0.5/s, 2 s left",
        "ingest: 10/10 images in 20 s",
    ]


def test_quick_work_gets_one_line(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    list(track(range(4), "split", total=4, unit="patients"))
    assert capsys.readouterr().err == "split: 4/4 patients in 0 s\n"


@pytest.mark.usefixtures("clock")
def test_no_items_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track([], "ingest", total=0)) == []
    assert capsys.readouterr().err == "ingest: 0/0 images in 0 s\n"


def test_an_item_counts_once_it_is_done(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> Iterator[int]:
        for item in track(range(2), "ingest", total=2):
            clock.now += 6
            yield item
            if item == 1:
                raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        list(failing())
    assert capsys.readouterr().err == "ingest: 1/2 images, 0.2/s, 6 s left\n"


def test_a_slow_start_does_not_count_in_the_time_left(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    def started_slowly() -> Iterator[int]:
        clock.now += 60  # processes start and import
        for item in range(600):
            clock.now += 0.05
            yield item

    list(track(started_slowly(), "verify", total=600))
    first = capsys.readouterr().err.splitlines()[0]
    assert first.endswith("20.2/s, 25 s left")
