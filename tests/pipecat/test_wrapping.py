"""A method wrapped and released, with others wrapping it before and after us."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from voicespan.integrations.wrapping import Method, Wrapping


class Bell:
    def ring(self) -> str:
        return "ding"

    async def toll(self) -> str:
        return "dong"


def loudly(original: Method) -> Method:
    return lambda *args: f"LOUD {original(*args)}"


def test_an_inherited_method_is_inherited_again() -> None:
    bell = Bell()
    wrapping = Wrapping(bell, "ring", loudly)
    assert bell.ring() == "LOUD ding"
    wrapping.release()
    assert not vars(bell)
    assert bell.ring() == "ding"


def test_what_somebody_had_set_before_us_is_set_again() -> None:
    bell, theirs = Bell(), lambda: "theirs"
    vars(bell)["ring"] = theirs
    wrapping = Wrapping(bell, "ring", loudly)
    assert bell.ring() == "LOUD theirs"
    wrapping.release()
    assert vars(bell) == {"ring": theirs}


@pytest.mark.parametrize("owner", [Bell, lambda: type("Big", (Bell,), {})], ids=["object", "class"])
def test_what_somebody_wraps_over_us_stays_and_ours_only_passes_on(
    owner: Callable[[], Any],
) -> None:
    bell = owner()
    wrapping = Wrapping(bell, "ring", loudly)
    ours = bell.ring

    def theirs(*args: Any) -> str:
        return f"theirs {ours(*args)}"

    bell.ring = theirs
    args = (Bell(),) if isinstance(bell, type) else ()
    assert bell.ring(*args) == "theirs LOUD ding"
    wrapping.release()
    assert vars(bell)["ring"] is theirs
    assert bell.ring(*args) == "theirs ding"


def test_two_of_ours_may_be_released_in_any_order() -> None:
    bell = Bell()
    first = Wrapping(bell, "ring", loudly)
    second = Wrapping(bell, "ring", loudly)
    assert bell.ring() == "LOUD LOUD ding"
    first.release()
    assert bell.ring() == "LOUD ding"
    second.release()
    assert bell.ring() == "ding"


async def test_a_coroutine_function_stays_one() -> None:
    def softly(original: Method) -> Method:
        async def toll() -> str:
            return f"soft {await original()}"

        return toll

    bell = Bell()
    wrapping = Wrapping(bell, "toll", softly)
    assert inspect.iscoroutinefunction(bell.toll)
    assert await bell.toll() == "soft dong"
    wrapping.release()
    assert await bell.toll() == "dong"
