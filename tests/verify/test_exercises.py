"""Tests that cannot fail are told from those that can."""

import pytest

from tsdg.verify.exercises import unfit_tests

pytestmark = pytest.mark.sandbox
SQUARE = "def square(n):\n    return n * n"
SORT = "def order(items):\n    return sorted(items)"
CHECK = "def odd(n):\n    return n % 2 == 1"
DEEP = "def depth(n):\n    return 0 if n == 0 else 1 + depth(n - 1)"

EVENS = "def evens(n):\n    yield from range(0, n, 2)"
STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)
        return len(self.items)

    @property
    def empty(self):
        return not self.items

    @staticmethod
    def joined(left, right):
        return left + right
"""


@pytest.mark.parametrize(
    ("solution", "check"),
    [
        (SQUARE, "assert square(3) == 9"),
        (SQUARE, "assert square(-2) == 4, 'of a negative number'"),
        (SQUARE, "assert square(3) > 8 and square(3) < 10"),
        (SQUARE, "assert 16 == square(4)"),
        (SORT, "assert order([2, 1]) == [1, 2]"),
        (SORT, "assert order([]) == []"),
        (SORT, "assert len(order([3, 3])) == 2"),
        (CHECK, "assert odd(3)"),
        (CHECK, "assert not odd(4)"),
        (CHECK, "assert odd(3) is True"),
        (DEEP, "assert depth(5) == 5"),
        (f"```python\n{SQUARE}\n```", "assert square(0) == 0"),
        ("def none(n):\n    return None", "assert none(1) is None"),
        (EVENS, "assert list(evens(5)) == [0, 2, 4]"),
        (STACK, "assert Stack().push(3) == 1"),
        (STACK, "assert Stack().empty"),
        (STACK, "assert Stack.joined('a', 'b') == 'ab' and Stack()"),
    ],
)
async def test_a_test_that_can_fail_is_kept(solution: str, check: str) -> None:
    assert await unfit_tests(solution, (check,)) == ""


@pytest.mark.parametrize(
    ("solution", "check"),
    [
        (SQUARE, "assert (square(3) == 8, 'wrong')"),
        (SQUARE, "assert [square(3) == 8]"),
        (SQUARE, "assert square(3) or True"),
        (SQUARE, "assert square(3) == square(3)"),
        (SQUARE, "assert isinstance(square(3), int)"),
        (SQUARE, "assert str(square(3))"),
        (SQUARE, "assert lambda: square(3) == 8"),
        (SORT, "assert len(order([1])) >= 0"),
        (SORT, "assert type(order([1])) is list"),
        (CHECK, "assert odd(3) in (True, False)"),
        (EVENS, "assert list(evens(5)) is not None"),
        (STACK, "assert isinstance(Stack(), Stack)"),
        (STACK, "assert Stack().push(3) is not None"),
    ],
)
async def test_a_test_that_nothing_fails_is_none(solution: str, check: str) -> None:
    assert "passes whatever" in await unfit_tests(solution, (check,))


async def test_a_solution_that_fails_its_own_tests_is_told() -> None:
    said = await unfit_tests(SQUARE, ("assert square(2) == 4", "assert square(3) == 6"))
    assert said == "its own solution fails: test 2 of 2: square(3) gave 9, not 6"
    assert "defines what" in await unfit_tests("def other(n): ...", ("assert square(2) == 4",))
    endless = "def square(n):\n    while True: pass"
    assert "its own solution fails" in await unfit_tests(endless, ("assert square(2) == 4",))
