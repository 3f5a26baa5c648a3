"""The name of a verifier: one of tsdg's own, or a user's own (``verifiers/NAME.py``)."""

from __future__ import annotations

import difflib
from typing import Annotated, get_args

from pydantic import AfterValidator, Field

from tsdg.config import extensions
from tsdg.kinds import BuiltInVerifier

BUILT_IN: tuple[BuiltInVerifier, ...] = get_args(BuiltInVerifier)
_OWN = "or what a file verifiers/NAME.py in the folder of --config-dir is called"


def _known(name: str) -> str:
    """Refuse a name that no verifier has, in the words of one line."""
    known = list(dict.fromkeys([*BUILT_IN, *extensions.files("verifiers", ".py")]))
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"allowed: {', '.join(known)}, {_OWN}{hint}")


VerifierName = Annotated[
    str, AfterValidator(_known), Field(description=f"one of {', '.join(BUILT_IN)}, {_OWN}")
]
