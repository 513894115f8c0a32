"""A process that forks during a call in; a child that leaves the call to its parent out."""

import gc
import os
import weakref
from collections.abc import Callable

import pytest

from tests.primitives.telling import Lab
from voicespan import _fork
from voicespan.primitives.current import current_session

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def _holds_in_child(check: Callable[[], bool]) -> bool:
    child = os.fork()
    if child == 0:
        held = False
        try:
            held = check()
        finally:
            os._exit(0 if held else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_child_neither_ends_nor_writes_its_parents_calls(lab: Lab) -> None:
    """It may even leave the block in which it was forked."""
    with lab.open().session as session:
        session.user_wrote("Hi")
        recorder = session.call.listeners[0]

        def check() -> bool:
            lab.calls.end_all("exit")
            session.__exit__(None, None, None)
            own = lab.open()
            own.session.user_wrote("Hi")
            own.session.end()
            quiet = (recorder.turns, recorder.endings) == ([], 0)  # type: ignore[attr-defined]  # a Recorder
            return quiet and current_session() is None and len(own.turns) == 1

        assert _holds_in_child(check)
        assert lab.calls.under_way() == [session]
        assert not session.ended


def test_a_child_waits_for_no_lock_of_its_parents(lab: Lab) -> None:
    """A thread that is in the middle of something at the fork is not there to let go of it."""
    session = lab.open().session
    with lab.calls._lock, session.call.lock:
        assert _holds_in_child(lambda: lab.open().session.ended is False and session.ended)


def test_what_resets_in_a_child_is_not_kept_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Owner:
        def reset(self) -> None:
            """Do nothing."""

    owner = Owner()
    reference = weakref.ref(owner)
    _fork.reset_in_child(owner.reset)
    assert owner in _fork._resets
    del owner
    gc.collect()
    assert reference() is None


def test_where_nothing_forks_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows there is no `os.register_at_fork`."""
    monkeypatch.delattr(os, "register_at_fork")
    _fork._register.cache_clear()
    assert Lab().open().session.ended is False
    _fork._register.cache_clear()
