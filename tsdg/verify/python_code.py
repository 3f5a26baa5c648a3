r'''Python functions as answers: run on the question's tests, grouped by what they do.

Example::

    >>> from tsdg.protocols import Asked
    >>> checks = ("assert double(2) == 4",)
    >>> asked = Asked(question="Write double(n).", context="", options=(), checks=checks)
    >>> verifier = PythonRunVerifier()
    >>> reply = """Sure:
    ... ```python
    ... def double(n):
    ...     \"\"\"Twice n.\"\"\"
    ...     return 2*n   # fast
    ... ```"""
    >>> print(source := verifier.read(reply, asked))
    def double(n):
        return 2 * n
    >>> others = [f"def double(n):\n    return {what}" for what in ("n + n", "n + 2", "4")]
    >>> import asyncio
    >>> proofs = asyncio.run(verifier.prove([source, *others], asked))
    >>> [proof.verdict for proof in proofs]
    ['passed', 'passed', 'passed', 'passed']
    >>> [verifier.alike(proofs[0].behaviour, proof.behaviour) for proof in proofs]
    [True, True, False, False]
'''

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from tsdg.protocols import Asked, Proof, ProofVerdict
from tsdg.records import AnswerKind
from tsdg.verify.assertions import CodeTest, called_names, parse, probes, read_checks
from tsdg.verify.sandbox import Run, Sandbox, find_sandbox
from tsdg.wording.fences import blocks

_LONGEST = 50_000
_LANGUAGE = re.compile(r"(?:python|py|ipython)[\d.]*")
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
_NAMED = re.compile(r"\A\s*(?:python|py)\s*\n", re.IGNORECASE)
"""What is left of a fence that a server or a model dropped."""
_COMMON = 0.5
"""Share of the probes on which two solutions must both give a value to be held for the same."""


class PythonTextVerifier:
    """Reads one block of Python that parses and defines a function. It runs nothing.

    Two answers are the same where their source is, but for layout, comments and docstrings; names
    count. So agreement is far rarer than correctness, and no proof of it.
    """

    kind: AnswerKind = "code"
    method: str = "vote"

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the source in normal form, or None.

        None where no block (or more than one) parses and defines a function, or where the
        question's checks call functions and the block defines none of them.
        """
        if len(text) > _LONGEST:
            return None
        sources = _sources(text)
        if whole := _joined(sources):
            return _normal(whole, asked.checks)
        found = {form for source in sources if (form := _normal(source, asked.checks)) is not None}
        return found.pop() if len(found) == 1 else None

    def same(self, left: str, right: str) -> bool:
        """Whether both have the same source in normal form."""
        return left == right


class PythonRunVerifier(PythonTextVerifier):
    """Runs each answer in the sandbox; those that pass every test vote by behaviour.

    Tests come from the question, and a solution that was written to them may pass them and do
    nothing else. So each is also called with arguments that no test has (``assertions.probes``);
    two solutions are the same where no such call tells them apart and enough of them give values in
    both.
    """

    method: str = "tests, then vote on behaviour"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox

    async def prove(self, answers: Sequence[str], asked: Asked) -> list[Proof]:
        """Run answers in normal form, several at a time; what is equal is run once.

        Returns:
            One proof per answer, in order.

        Raises:
            MachineError: there is no sandbox on this machine.
        """
        tests, inputs = read_checks(asked.checks), probes(asked.checks)
        expressions = [*(test.expression for test in tests), *inputs]
        # Finding the sandbox runs a trial: not in the event loop.
        sandbox = (
            self._sandbox if self._sandbox is not None else await asyncio.to_thread(find_sandbox)
        )
        distinct = list(dict.fromkeys(answers))
        runs = await asyncio.gather(
            *(asyncio.wrap_future(sandbox.submit(source, expressions)) for source in distinct)
        )
        proofs = {
            source: _proof(run, tests, inputs) for source, run in zip(distinct, runs, strict=True)
        }
        return [proofs[source] for source in answers]

    def alike(self, left: str, right: str) -> bool:
        """Whether no probe tells two behaviours apart, and enough of them say anything."""
        pairs = list(zip(json.loads(left), json.loads(right), strict=True))
        told = [(one, other) for one, other in pairs if one is not None and other is not None]
        silent = sum(one is None and other is None for one, other in pairs)
        return all(one == other for one, other in told) and len(told) + silent >= _COMMON * len(
            pairs
        )


def _proof(run: Run, tests: Sequence[CodeTest], inputs: Sequence[str]) -> Proof:
    found, detail = verdict(run, tests)
    if found != "passed":
        return Proof(verdict=found, detail=detail, behaviour="")
    given = [text if kind == "value" else None for kind, text in run.values[len(tests) :]]
    behaviour = json.dumps([*given, *[None] * (len(inputs) - len(given))], ensure_ascii=False)
    return Proof(verdict=found, detail=detail, behaviour=behaviour)


def verdict(run: Run, tests: Sequence[CodeTest]) -> tuple[ProofVerdict, str]:
    """Classify a run by its first failed test; also return one line for people."""
    if not tests:
        return "wrong", "the question has no test that can be run"
    for number, (test, value) in enumerate(zip(tests, run.values, strict=False), start=1):
        if value == ("value", test.expected):
            continue
        what = f"test {number} of {len(tests)}"
        if value[0] == "raised":
            return _raised(value[1], f"{what} raised {value[1]}")
        return (
            "wrong",
            f"{what}: {test.expression[:80]} gave {value[1][:80]}, not {test.expected[:80]}",
        )
    if len(run.values) >= len(tests):
        return "passed", f"{len(tests)} tests"
    if run.raised:
        return _raised(run.raised, f"the source raised {run.raised}")
    where = (
        f"in test {len(run.values) + 1} of {len(tests)}" if run.loaded else "before the first test"
    )
    return (
        (run.end, f"{run.end} {where}")
        if run.end != "finished"
        else ("crashed", f"it ended {where}")
    )


def _sources(text: str) -> list[str]:
    """The blocks of Python in a reply; those that say so, if any does, and the text for none."""
    found = blocks(text)
    named = [block for block in found if _LANGUAGE.fullmatch(block.language)]
    return [block.body for block in named or found if named or not block.language] or [
        _NAMED.sub("", text)
    ]


def _joined(sources: Sequence[str]) -> str:
    """Blocks that are parts of one program, as each defines names of its own; empty for none."""
    parts = [source for source in sources if _defined(source)]
    names = [name for part in parts for name in _defined(part)]
    return "\n\n".join(parts) if len(parts) > 1 and len(names) == len(set(names)) else ""


def _defined(source: str) -> list[str]:
    tree = parse(source)
    kinds = _FUNCTION | ast.ClassDef
    return [node.name for node in tree.body if isinstance(node, kinds)] if tree else []


def _raised(name: str, detail: str) -> tuple[ProofVerdict, str]:
    kinds: dict[str, ProofVerdict] = {"Overtime": "timeout", "MemoryError": "memory"}
    return kinds.get(name, "raised"), detail


def _normal(source: str, checks: tuple[str, ...]) -> str | None:
    tree = parse(source)
    if tree is None:
        return None
    try:
        nodes = list(ast.walk(tree))
        functions, classes = _names(nodes, _FUNCTION), _names(nodes, ast.ClassDef)
        called = called_names(checks)
        if not functions or (called and called.isdisjoint(functions | classes)):
            return None
        for node in nodes:
            if isinstance(node, _FUNCTION | ast.ClassDef | ast.Module):
                _drop_docstring(node)
        return ast.unparse(tree)
    except RecursionError:
        return None


def _names(nodes: Sequence[ast.AST], kind: Any) -> set[str]:
    return {node.name for node in nodes if isinstance(node, kind)}


def _drop_docstring(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module,
) -> None:
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        del node.body[0]
        if not node.body and not isinstance(node, ast.Module):
            node.body.append(ast.Pass())
