"""Verifiers: one small file per answer kind, each with an example in its docstring.

A verifier reads the answer out of what a model said, or abstains, and says whether two answers are
the same. It does not know which answer is right: that is for the vote. Where a text could mean two
answers, it abstains. One that can test an answer by itself (``code``, ``ifeval``) is a
:class:`tsdg.protocols.Prover`. A user's own verifier is a file in a folder that ``--config-dir``
names (:mod:`tsdg.verify.own`).

>>> from tsdg.protocols import Asked
>>> options = ("the roots", "the bark")
>>> asked = Asked(question="Which part takes up water?", context="", options=options, checks=())
>>> verifier_for("choice").read("A) the roots", asked)
'the roots'
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from functools import cache

from tsdg.config.verifier_name import VerifierName
from tsdg.protocols import Verifier
from tsdg.records import AnswerKind
from tsdg.verify.own import own_verifier

_CLASSES = {
    "choice": "tsdg.verify.choice:ChoiceVerifier",
    "boolean": "tsdg.verify.boolean:BooleanVerifier",
    "number": "tsdg.verify.number:NumberVerifier",
    "math": "tsdg.verify.mathematics:MathVerifier",
    "short_text": "tsdg.verify.short_text:ShortTextVerifier",
    "text": "tsdg.verify.free_text:FreeTextVerifier",
    "json": "tsdg.verify.json_value:JsonVerifier",
    "code": "tsdg.verify.python_code:PythonRunVerifier",
    "code_text": "tsdg.verify.python_code:PythonTextVerifier",
    "ifeval": "tsdg.verify.ifeval:InstructionVerifier",
}
"""tsdg's own verifiers, by name; each is imported when it is first needed."""


def verifier_for(name: VerifierName) -> Verifier:
    """Return a verifier by name, importing its module; sympy follows when first needed.

    Raises:
        CatalogueError: the name is of a user's own verifier, which is not there or not as it
            must be.
    """
    return _built_in(_CLASSES[name]) if name in _CLASSES else own_verifier(name)


@cache
def _built_in(place: str) -> Verifier:
    verifier: Verifier = pkgutil.resolve_name(place)()
    return verifier


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
        CatalogueError: one of the user's own is wrong.
        MachineError: there is no sandbox for ``code``, or a package of ``ifeval`` is missing.
    """
    for name in sorted(set(names)):
        if name == "code":
            from tsdg.verify.sandbox import find_sandbox

            find_sandbox()
        elif name == "ifeval":
            from tsdg.verify.ifeval import check_ready as check_ifeval

            check_ifeval()
        elif name not in _CLASSES:
            own_verifier(name)
