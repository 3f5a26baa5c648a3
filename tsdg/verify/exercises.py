r"""Checks that the tests of an exercise can fail, and that its own solution passes them.

A test is shown to fail by changing what the solution returns: a number by one, a text by a letter,
a list by an element, each to what is empty. ``assert (f(1) == 8, "wrong")`` passes whatever ``f``
returns, and so does ``assert isinstance(f(1), int)``: such a test says nothing of an answer::

    >>> import asyncio
    >>> solution = "def double(n):\n    return 2 * n"
    >>> for check in ("double(2) == 4", "(double(2) == 5, 'no')", "double(2) == 5"):
    ...     print(asyncio.run(unfit_tests(solution, (f"assert {check}",))))
    <BLANKLINE>
    test 1 passes whatever the function returns: assert (double(2) == 5, 'no')
    its own solution fails: test 1 of 1: double(2) gave 4, not 5
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Sequence

from tsdg.protocols import Asked
from tsdg.verify.assertions import CodeTest, called_names, parse, read_checks
from tsdg.verify.python_code import PythonTextVerifier, verdict
from tsdg.verify.sandbox import Run, find_sandbox

# What is put behind a solution: only the outermost call is changed, so that recursion still ends.
_CHANGED = """
import inspect, itertools


def _change(value, way):
    if isinstance(value, bool):
        return [not value, not value, False][way]
    if isinstance(value, (int, float, complex)):
        return [value + 1, -value - 1000003, type(value)()][way]
    if isinstance(value, str):
        return [value + "x", value[1:], ""][way]
    if isinstance(value, (list, tuple)):
        return [value + type(value)([0]), value[1:], type(value)()][way]
    if isinstance(value, (set, frozenset)):
        return [value | {0.125}, type(value)(list(value)[1:]), type(value)()][way]
    if isinstance(value, dict):
        return [{**value, 0.125: 0}, dict(list(value.items())[1:]), {}][way]
    if hasattr(value, "__next__"):
        return iter(_change(list(itertools.islice(value, 9999)), way))
    return [0, "x", [0]][way] if value is None else None


def _changed(function, way, depth=[0]):
    def call(*positional, **named):
        depth[0] += 1
        try:
            value = function(*positional, **named)
        finally:
            depth[0] -= 1
        return value if depth[0] else _change(value, way)

    return call


def _changed_class(kind, way):
    for name, value in list(vars(kind).items()):
        if name in ("__init__", "__new__", "__post_init__", "__enter__", "__exit__", "__iter__"):
            continue
        if inspect.isfunction(value):
            setattr(kind, name, _changed(value, way))
        elif isinstance(value, (staticmethod, classmethod)):
            setattr(kind, name, type(value)(_changed(value.__func__, way)))
        elif isinstance(value, property):
            setattr(kind, name, property(_changed(value.fget, way), value.fset))
    return kind


"""
_WAYS = 3


async def unfit_tests(solution: str, checks: Sequence[str]) -> str:
    """Say what is wrong with the tests of an exercise; empty where they can be used.

    Args:
        solution: the writer's own, in a fence or not.
        checks: assertions.

    Raises:
        MachineError: there is no sandbox on this machine.
    """
    asked = Asked(question="", context="", options=(), checks=tuple(checks))
    source = PythonTextVerifier().read(solution, asked)
    if source is None:
        return "its own solution is no Python that defines what its tests call"
    tests = [read_checks((check,)) for check in checks]
    if not all(tests):
        return "a test is no single assertion"
    flat = [test for (test,) in tests]
    called = called_names(checks)
    defined = [one for one in _definitions(source) if one.name in called]
    sources = [source]
    if defined:
        sources += [source + _CHANGED + _rebound(defined, way) for way in range(_WAYS)]
    sandbox = await asyncio.to_thread(find_sandbox)
    expressions = [test.expression for test in flat]
    runs = await asyncio.gather(
        *(asyncio.wrap_future(sandbox.submit(one, expressions)) for one in sources)
    )
    return _said(runs[0], runs[1:], flat, checks)


def _said(
    own: Run, changed: Sequence[Run], tests: Sequence[CodeTest], checks: Sequence[str]
) -> str:
    found, detail = verdict(own, tests)
    if found != "passed":
        return f"its own solution fails: {detail}"
    for place, (test, check) in enumerate(zip(tests, checks, strict=True)):
        if changed and not any(_fails(run, place, test) for run in changed):
            shown = " ".join(check.split())[:80]
            return f"test {place + 1} passes whatever the function returns: {shown}"
    return ""


def _fails(run: Run, place: int, test: CodeTest) -> bool:
    """Whether a run came to a test, or ended at it, and did not pass it."""
    if place < len(run.values):
        return run.values[place] != ("value", test.expected)
    return place == len(run.values) and run.end != "finished"


_Definition = ast.FunctionDef | ast.ClassDef


def _definitions(source: str) -> list[_Definition]:
    tree = parse(source)
    return [node for node in (tree.body if tree else ()) if isinstance(node, _Definition)]


def _rebound(defined: Sequence[_Definition], way: int) -> str:
    made = (
        (one.name, "_changed_class" if isinstance(one, ast.ClassDef) else "_changed")
        for one in defined
    )
    return "\n".join(f"{name} = {change}({name}, {way})" for name, change in made)
