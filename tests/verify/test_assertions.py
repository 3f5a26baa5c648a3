"""A question's own tests, taken apart."""

from __future__ import annotations

import pytest

from tsdg.verify.assertions import MAX_PROBES, CodeTest, probes, read_checks
from tsdg.verify.sandbox_child import OpaqueValueError, canonical


@pytest.mark.parametrize(
    ("check", "expression", "expected"),
    [
        ("assert f(2) == 4", "f(2)", "4"),
        ("assert 4 == f(2)", "f(2)", "4"),
        ("assert f(2) == -4.5, 'no'", "f(2)", "-4.5"),
        ("assert f('a') is None", "f('a')", "None"),
        ("assert f([1]) == {'a': (1, 2)}", "f([1])", "{:'a': (1, 2,)}"),
        ("assert f(2)", "not not (f(2))", "1"),
        ("assert not f(2)", "not not (not f(2))", "1"),
        ("assert abs(f(2) - 0.3) < 1e-6", "not not (abs(f(2) - 0.3) < 1e-06)", "1"),
        ("assert f(1) == f(2)", "not not (f(1) == f(2))", "1"),
        ("assert f(1) == 1 and f(2) == 4", "not not (f(1) == 1 and f(2) == 4)", "1"),
    ],
)
def test_what_is_right_stays_outside_where_it_can(
    check: str, expression: str, expected: str
) -> None:
    assert read_checks((check,)) == (CodeTest(expression=expression, expected=expected),)


@pytest.mark.parametrize("check", ["f(2)", "assert f(", "x = 1\nassert f(x) == 1", ""])
def test_what_is_no_assertion_is_no_test(check: str) -> None:
    assert read_checks((check,)) == ()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (True, 1),
        ({1, 2}, frozenset({2, 1})),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": True}),
        (2 + 0j, 2),
        ([], []),
    ],
)
def test_what_is_equal_is_the_same_text(left: object, right: object) -> None:
    assert left == right
    assert canonical(left) == canonical(right)


def test_what_differs_is_another_text() -> None:
    values = [
        1,
        -1,
        1.5,
        float("inf"),
        "1",
        b"1",
        None,
        [1],
        (1,),
        {1},
        {1: 1},
        [[1]],
        [],
        (),
        set(),
        {},
        "",
        10**5000,
    ]
    assert len({canonical(value) for value in values}) == len(values)


def test_what_is_no_plain_data_is_opaque() -> None:
    loop: list[object] = []
    loop.append(loop)
    for value in (object(), len, loop, [object()], iter(())):
        with pytest.raises(OpaqueValueError):
            canonical(value)


def test_probes_are_other_calls_of_the_same_functions() -> None:
    found = probes(("assert f([3, 1], 'ab') == 1", "assert g(True) == len([1])"))
    assert found[:4] == ("f([1, 3], 'ab')", "g(False)", "f([3, 1], 'ba')", "f([-3, 1], 'ab')")
    assert len(found) == len(set(found)) <= MAX_PROBES
    assert probes(("assert f(x) == 1", "assert len('a') == 1", "no code (")) == ()
    many = tuple(f"assert f({n}, {n}, {n}) == 1" for n in range(10, 30))
    assert len(probes(many)) == MAX_PROBES
    assert probes(many) == probes(many)
