"""The words that rows and the catalogue share. This module imports nothing."""

from __future__ import annotations

from typing import Literal

Group = Literal["knowledge", "reasoning"]
OutputType = Literal["multiple_choice", "generate_until"]
AnswerKind = Literal["choice", "number", "math", "short_text", "text", "code", "boolean", "json"]
VerifierName = Literal[AnswerKind, "code_text", "ifeval"]
"""Every answer kind has a verifier of its name; ``code_text`` compares code without running it."""
