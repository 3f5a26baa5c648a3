"""A question's own tests, taken apart.

The expressions go into the sandbox; the expected results stay outside.

::

    >>> sources = "assert double(2) == 4", "assert sorted(pairs([1])) == [(1, 1)]", "assert odd(3)"
    >>> tests = read_checks(sources)
    >>> [(test.expression, test.expected) for test in tests]
    [('double(2)', '4'), ('sorted(pairs([1]))', '[(1, 1,)]'), ('not not (odd(3))', '1')]
    >>> probes(("assert double(2) == 4",))
    ('double(3)', 'double(-2)', 'double(0)')

Probes are the tests' own calls with other arguments. Nobody knows their right results, but two
solutions that do the same thing give the same values.
"""

from __future__ import annotations

import ast
import builtins
import copy
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tsdg.verify.sandbox_child import OpaqueValueError, canonical

MAX_PROBES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTest:
    """One test."""

    expression: str
    expected: str
    """The canonical text of the value that is right."""


def parse(source: str) -> ast.Module | None:
    """Parse Python; None where it is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model's "\\d" is no warning of ours
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def called_names(checks: Sequence[str]) -> set[str]:
    """Return the names that the checks call, without Python's own."""
    trees = [tree for check in checks if (tree := parse(check)) is not None]
    calls = [node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        call.id for call in calls if isinstance(call, ast.Name) and not hasattr(builtins, call.id)
    }


def read_checks(checks: Sequence[str]) -> tuple[CodeTest, ...]:
    """Turn assertions into tests; what is no single assertion gives none.

    Of ``assert CALL == LITERAL`` the literal stays outside. Of any other assertion the code under
    test reports itself whether it holds, which is all that can be had.
    """
    return tuple(test for check in checks for test in _tests(check))


def _tests(check: str) -> Iterator[CodeTest]:
    for node in _asserted(check):
        if (
            isinstance(node, ast.Compare)
            and len(node.ops) == 1
            and isinstance(node.ops[0], ast.Eq | ast.Is)
        ):
            for side, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
                expected = _literal(other)
                if expected is not None and _literal(side) is None:
                    yield CodeTest(expression=ast.unparse(side), expected=expected)
                    return
        yield CodeTest(expression=f"not not ({ast.unparse(node)})", expected="1")


def _asserted(check: str) -> Iterator[ast.expr]:
    tree = parse(check.strip())
    if tree is not None and len(tree.body) == 1 and isinstance(tree.body[0], ast.Assert):
        yield tree.body[0].test


def _literal(node: ast.expr) -> str | None:
    try:
        return canonical(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, OpaqueValueError):
        return None


def probes(checks: Sequence[str]) -> tuple[str, ...]:
    """Return calls like those of the checks with other arguments, at most ``MAX_PROBES``.

    The calls take turns.
    """
    found: list[Iterator[str]] = []
    known = {ast.unparse(call) for check in checks for call in _calls(check)}
    for check in checks:
        found += [_varied(call) for call in _calls(check)]
    out: dict[str, None] = {}
    while found and len(out) < MAX_PROBES:
        for source in list(found):
            text = next(source, None)
            if text is None:
                found.remove(source)
            elif text not in known and len(out) < MAX_PROBES:
                out[text] = None
    return tuple(out)


def _calls(check: str) -> Iterator[ast.Call]:
    """Calls of a function under test whose arguments are all literals."""
    for asserted in _asserted(check):
        for node in ast.walk(asserted):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and not hasattr(builtins, node.func.id)
            ):
                values = [*node.args, *(keyword.value for keyword in node.keywords)]
                if values and all(_literal(value) is not None for value in values):
                    yield node


def _varied(call: ast.Call) -> Iterator[str]:
    """One argument, or one element of one, changed at a time: small changes before large ones."""
    for step in range(3):
        for place, argument in enumerate(call.args):
            for changed in _changes(ast.literal_eval(argument), step):
                other = copy.deepcopy(call)
                other.args[place] = ast.parse(repr(changed), mode="eval").body
                yield ast.unparse(other)


def _changes(value: object, step: int) -> Iterator[object]:
    """The ``step``-th way of changing a value; none where there is none."""
    if isinstance(value, bool):
        yield from [not value][step : step + 1]
    elif isinstance(value, int | float):
        yield from [value + 1, -value, type(value)(0)][step : step + 1]
    elif isinstance(value, str):
        yield from [value[::-1], value + value[:1], value[1:]][step : step + 1]
    elif isinstance(value, list | tuple) and value:
        first = next(_changes(value[0], step), value[0])
        kind = type(value)
        yield from [kind(reversed(value)), kind([first, *value[1:]]), value[:-1]][step : step + 1]
