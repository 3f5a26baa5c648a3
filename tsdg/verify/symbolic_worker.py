"""The child of ``symbolic.py``: a JSON line per JSON line, within limits. A script.

Knows nothing of tsdg, so that its start costs only what math-verify costs. A call that uses up its
CPU time is ended by the kernel together with this process (SIGPROF, default action): nothing in
Python could stop sympy inside C code.
"""

from __future__ import annotations

import contextlib
import json
import logging
import resource
import signal
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

_MEMORY = 4 * 2**30


def same(left: str, right: str) -> bool:
    """Compare by math-verify, which is asymmetric: equal if so with either as reference."""
    from math_verify import verify

    first, second = _parse(left), _parse(right)
    if any(
        getattr(item, "is_Relational", False) and not item.free_symbols
        for item in (*first, *second)
    ):
        return False  # an equation of two numbers: math-verify compares only whether it holds
    found = any(verify(*pair, timeout_seconds=None) for pair in ((first, second), (second, first)))
    return found and _close(first, second)


def _close(first: list[Any], second: list[Any]) -> bool:
    """Whether two numbers are really close: math-verify rounds to a fixed place.

    Without this it would call any two tiny numbers equal.
    """
    import sympy  # type: ignore[import-untyped]

    numbers = [item for parsed in (first, second) for item in parsed]
    if len(numbers) != 2 or not all(
        isinstance(number, sympy.Expr) and number.is_number for number in numbers
    ):
        return True
    one, other = (number.doit() for number in numbers)
    larger = max(abs(sympy.N(one, 30)), abs(sympy.N(other, 30)))
    return bool(abs(sympy.N(one - other, 30)) <= larger * sympy.Float("2e-6"))


def value(expression: str) -> str | None:
    """Evaluate an expression that has a real value and no free symbols."""
    import sympy

    parsed = _parse(expression)
    if len(parsed) != 1 or not isinstance(parsed[0], sympy.Expr) or parsed[0].free_symbols:
        return None
    found = sympy.simplify(parsed[0].doit())
    if not found.is_real or not found.is_finite:
        return None
    if isinstance(found, sympy.Float):
        found = sympy.Rational(str(found))
    return str(found)


def valid(document: str, schema: str) -> bool:
    """Validate a document; a schema that refers elsewhere is not followed and counts as broken."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    parsed = json.loads(schema)
    Draft202012Validator.check_schema(parsed)
    return bool(Draft202012Validator(parsed, registry=Registry()).is_valid(json.loads(document)))


def _parse(expression: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    if not any(mark in expression for mark in ("$", "\\(", "\\[", "\\boxed")):
        expression = f"${expression}$"
    # Without the extraction of plain numbers, which would take the 3 of a formula it cannot parse
    # for its value.
    configs = [LatexExtractionConfig(boxed_match_priority=0)]
    found = parse(
        expression, extraction_config=configs, fallback_mode="no_fallback", parsing_timeout=None
    )
    return list(found)


def broken(answer: str, *instructions: str) -> str:
    """Name the first IFEval instruction that an answer does not follow; empty for none."""
    for text in instructions:
        given = json.loads(text)
        name = given.pop("id")
        if name not in _instructions():
            return f"no instruction is called {name}"
        checker = _instructions()[name]("")
        # A checker draws what it is not given, so that the verdict would be chance.
        missing = set(checker.get_instruction_args_keys()) - given.keys()
        if missing:
            return f"{text[:80]} lacks {', '.join(sorted(missing))}"
        checker.build_description(**given)
        if not answer.strip() or not checker.check_following(answer):
            return f"does not follow {name}"
    return ""


@cache
def _instructions() -> dict[str, Any]:
    """Import lm-eval's checkers without network access, and make langdetect repeatable.

    NLTK's data would otherwise be asked for over the network.
    """
    import langdetect
    import nltk

    nltk.download = lambda *_, **__: False
    from lm_eval.tasks.ifeval.instructions_registry import INSTRUCTION_DICT

    langdetect.DetectorFactory.seed = 0
    return dict(INSTRUCTION_DICT)


def main() -> None:
    """Serve until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    import math_verify  # noqa: F401  before the clock runs

    limit = float(sys.argv[1])
    calls: dict[str, Callable[..., object]] = {
        "same": same,
        "value": value,
        "valid": valid,
        "broken": broken,
    }
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        if name == "broken":
            with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(ImportError):
                _instructions()
        signal.setitimer(signal.ITIMER_PROF, limit)
        try:
            answer = calls[name](*arguments)
        except Exception:  # whatever a hostile expression raises, the answer is: cannot tell
            answer = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
