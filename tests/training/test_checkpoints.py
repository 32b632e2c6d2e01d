"""The time of a run counts its parts."""

import pytest

from mammo.training import checkpoints
from mammo.training.checkpoints import TimeTaken


def test_the_time_of_a_run_goes_on_from_its_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints.time, "monotonic", iter([100.0, 130.0, 500.0, 507.0]).__next__)
    first = TimeTaken("a")
    state = first.state_dict()
    second = TimeTaken("a")
    second.load_state_dict(state)
    assert second.seconds == 30.0 + 7.0


@pytest.mark.parametrize("state", [{"run": "b", "seconds": 30.0}, {"run": "a", "seconds": "x"}, {}, {"run": "a"}])
def test_the_time_of_another_run_or_a_damaged_one_does_not_count(state: dict[str, object]) -> None:
    time_taken = TimeTaken("a")
    time_taken.load_state_dict(state)
    assert time_taken.before == 0.0
