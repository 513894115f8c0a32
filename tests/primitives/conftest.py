"""A call on hand-moved time, and the guard's memory cleared between tests."""

from collections.abc import Iterator

import pytest

from tests.primitives.telling import Lab, Told
from voicespan import _guard


@pytest.fixture(autouse=True)
def _fresh_guard() -> Iterator[None]:
    _guard.reset()
    yield
    _guard.reset()


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def told(lab: Lab) -> Told:
    return lab.open()
