"""Verifiers: one small file per answer kind, each with an example in its docstring.

A verifier reads the answer out of what a model said, or abstains, and says whether two answers are
the same. It does not know which answer is right: that is for the vote. Where a text could mean two
answers, it abstains. One that can put an answer to the test by itself (``code``, ``ifeval``) is a
:class:`tsdg.protocols.Prover`.

>>> from tsdg.protocols import Asked
>>> options = ("the roots", "the bark")
>>> asked = Asked(question="Which part takes up water?", context="", options=options, checks=())
>>> verifier_for("choice").read("A) the roots", asked)
'the roots'
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import assert_never

from tsdg.protocols import Verifier
from tsdg.records import AnswerKind, VerifierName


@cache
def verifier_for(name: VerifierName) -> Verifier:
    """Return a verifier by name, importing its module; sympy follows when first needed."""
    match name:
        case "choice":
            from tsdg.verify.choice import ChoiceVerifier

            return ChoiceVerifier()
        case "boolean":
            from tsdg.verify.boolean import BooleanVerifier

            return BooleanVerifier()
        case "number":
            from tsdg.verify.number import NumberVerifier

            return NumberVerifier()
        case "math":
            from tsdg.verify.mathematics import MathVerifier

            return MathVerifier()
        case "short_text":
            from tsdg.verify.short_text import ShortTextVerifier

            return ShortTextVerifier()
        case "text":
            from tsdg.verify.free_text import FreeTextVerifier

            return FreeTextVerifier()
        case "json":
            from tsdg.verify.json_value import JsonVerifier

            return JsonVerifier()
        case "code":
            from tsdg.verify.python_code import PythonRunVerifier

            return PythonRunVerifier()
        case "code_text":
            from tsdg.verify.python_code import PythonTextVerifier

            return PythonTextVerifier()
        case "ifeval":
            from tsdg.verify.ifeval import InstructionVerifier

            return InstructionVerifier()
    assert_never(name)


_ALSO: dict[AnswerKind, tuple[VerifierName, ...]] = {
    "number": ("math", "short_text"),
    "math": ("number", "short_text"),
    "short_text": ("number", "math", "text"),
    "text": ("short_text",),
    "code": ("code_text",),
}


def verifiers_of(kind: AnswerKind) -> tuple[VerifierName, ...]:
    """Return the verifiers that can read any answers of a kind, its own first.

    ``ifeval`` is not among them: it needs questions with instructions, which a family has or has
    not.
    """
    return (kind, *_ALSO.get(kind, ()))


def check_ready(names: Iterable[VerifierName]) -> None:
    """Check, before anything is generated, that this machine can run the verifiers.

    Raises:
        MachineError: there is no sandbox for ``code``, or a package of ``ifeval`` is missing.
    """
    for name in sorted(set(names)):
        if name == "code":
            from tsdg.verify.sandbox import find_sandbox

            find_sandbox()
        elif name == "ifeval":
            from tsdg.verify.ifeval import check_ready as check_ifeval

            check_ifeval()
