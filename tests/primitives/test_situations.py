"""The table of situations, told to a session without any framework."""

import pytest

from tests.primitives.telling import EPOCH, Lab, Told, described, play
from tests.situations import BY_NAME, INTERLEAVED, SITUATIONS, Situation


def _begin(lab: Lab, situation: Situation) -> Told:
    return lab.open(commits=situation.commits)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_situation_becomes_the_expected_turns(situation: Situation) -> None:
    """Turns settle by themselves, in order, numbered from 1, before the call ends."""
    told = _begin(Lab(), situation)
    play((told, situation.facts))
    assert [described(turn) for turn in told.turns] == list(situation.expected), situation.why
    assert [turn.number for turn in told.turns] == list(range(1, len(told.turns) + 1))


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_situation_told_afterwards_becomes_the_same_turns(situation: Situation) -> None:
    """A replay an hour later, with `at=`, runs on the facts' own time line."""
    lab = Lab()
    lab.at(3_600_000)
    told = _begin(lab, situation)
    for fact in situation.facts:
        told.tell(fact, at=EPOCH + fact.at / 1000)
    told.session.end(
        at=EPOCH + situation.facts[-1].at / 1000 + 30
    ) if not told.session.ended else None
    assert [described(turn) for turn in told.turns] == list(situation.expected), situation.why


def test_two_sessions_interleaved_never_mix() -> None:
    """Two calls of one process at the same time are what each is alone."""
    lab = Lab()
    situations = [BY_NAME[name] for name in INTERLEAVED]
    both = [_begin(lab, situation) for situation in situations]
    play(*((told, situation.facts) for told, situation in zip(both, situations, strict=True)))
    for told, situation in zip(both, situations, strict=True):
        assert [described(turn) for turn in told.turns] == list(situation.expected)


def test_names_are_unique() -> None:
    """A framework finds its situations by name."""
    assert len(BY_NAME) == len(SITUATIONS)
