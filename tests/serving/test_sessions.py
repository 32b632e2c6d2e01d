"""Sessions: who gives way when there are too many, and what is remembered of those that did."""

import pytest

from mammo.records import MammoError
from mammo.serving.sessions import IDLE_S, MOST_SESSIONS, Session, Sessions


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Sessions, list[str], Clock, list[Session]]:
    """Full sessions, one a second, with the tokens that were announced."""
    clock, tokens = Clock(), list[str]()
    sessions = Sessions(lambda _, token: tokens.append(token), now=clock)
    found = []
    for number in range(MOST_SESSIONS):
        clock.now = number
        session = sessions.enter(tokens[-1])
        assert session is not None
        found.append(session)
    return sessions, tokens, clock, found


def test_the_longest_idle_session_is_closed_and_remembered() -> None:
    sessions, tokens, clock, (first, second, *others) = opened()
    clock.now = IDLE_S + 1
    assert sessions.find(first.key) is first  # not idle any more, although it is the oldest
    assert sessions.enter(tokens[-1]) is not None
    assert sessions.find(second.key) is None
    assert sessions.was_closed(second.key)
    assert not sessions.was_closed("guessed")
    assert all(sessions.find(one.key) is one for one in (first, *others))


def test_a_working_reader_is_never_closed_for_a_new_one() -> None:
    sessions, tokens, clock, readers = opened()
    clock.now = IDLE_S - 1
    token = tokens[-1]
    with pytest.raises(MammoError, match="64 readers use the page now, the most that it serves: open the same link"):
        sessions.enter(token)
    assert all(sessions.find(one.key) is one for one in readers)
    clock.now = 3 * IDLE_S
    assert sessions.enter(token) is not None  # the link still works


def test_a_wrong_token_closes_no_session() -> None:
    sessions, _, clock, readers = opened()
    clock.now = 2 * IDLE_S
    assert sessions.enter("guessed") is None
    assert all(sessions.find(one.key) is one for one in readers)
