"""What rows hold several of: chat turns, wrong options, ballots."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat turn."""

    role: str
    content: str
    reasoning_content: str | None
    """What was thought before the content, as chat templates call it; None where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distractor:
    """A wrong option and why it is wrong."""

    option: str
    why_wrong: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """How one solver (``answers``, or the stronger ``escalate``) voted on the accepted answer."""

    solver: str
    model: str
    samples: int
    """Drawn, abstentions included; ``votes`` of them are for the answer."""
    votes: int
