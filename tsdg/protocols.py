"""What the wings know about one another: small protocols, and the messages between them.

A *step* (``generate``) builds a :class:`Request`, the *engine* journals and schedules it, a
*transport* (``serving``) carries it to a server, and a *verifier* (``verify``) reads the answers.
None of them imports another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeGuard, runtime_checkable

from tsdg.records import AnswerKind

NOT_SENT = "no_server"
"""Failure reason: nothing was sent because no server was ready; this is no retry."""

MOST_TOKENS = 2**40
"""Tokens that a reply may claim to have; sums of larger counts fit no column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One chat completion to ask for."""

    request_id: str
    """Stable hash of everything that decides the reply; the journal's key for it."""
    body: Mapping[str, Any]
    """An OpenAI chat-completions body without ``model``, which the transport adds."""
    prefix: str
    """Requests with the same prefix share the start of their prompt and are best sent together."""
    model: str = ""
    """Name of the model that should answer; empty where there is only one."""
    expected_tokens: int
    """Most completion tokens that this request may take (``max_tokens`` × ``n``): long ones start
    first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One sampled completion of a reply."""

    text: str
    """The content; empty where the server sent null."""
    reasoning: str
    """What the server's reasoning parser split off; empty where there is none."""
    finish_reason: str
    """``stop``, ``length`` or whatever else the server said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back for one request, in the form that the journal stores."""

    choices: tuple[Choice, ...]
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int = 0
    """Of the completion tokens those of thinking: as the server counts them, else by their share of
    the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How busy the replicas say they are, summed over those that answered."""

    replicas: int
    """Replicas counted; 0 where none tells its load, as endpoints without vLLM's metrics."""
    running: float
    """Requests in their batches."""
    waiting: float
    """Requests in their queues."""
    kv_cache_usage: float
    """Share of the KV cache in use, 0 to 1; that of the fullest replica."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaFacts:
    """What one replica has done for this process so far. All sums are over all its restarts."""

    name: str
    """Stays the same over restarts, and is unique in its process, e.g. ``server-0``."""
    url: str
    """Base URL without credentials; the latest one."""
    gpus: int
    """GPUs that it holds; 0 on CPUs and for external endpoints."""
    held_s: float
    """Seconds in which it held them: since it was asked for, ready or not."""
    ready_s: float
    """Seconds in which it could take requests."""
    busy_s: float
    """Of those, seconds with at least one request of this process in flight."""
    idle_s: float
    """Of those, the others."""
    requests: int
    """Requests that it replied to."""
    prompt_tokens: int
    completion_tokens: int
    restarts: int
    """Times it was started again after its first start."""


class Transport(Protocol):
    """Carries requests to a model, and knows the replicas that answer them."""

    async def send(self, request: Request) -> Reply:
        """Return the reply.

        Raises:
            RetryableError: sending it again may help.
            PermanentError: sending it again would not.
        """
        ...

    async def load(self) -> Load:
        """Ask the replicas how busy they are; those that do not tell are left out. Never fails."""
        ...

    def replicas(self) -> Sequence[ReplicaFacts]:
        """What each replica has done so far, in a fixed order."""
        ...


class Ask(Protocol):
    """What a step calls to get a reply: journalled, retried and scheduled by the engine."""

    async def __call__(self, request: Request) -> Reply:
        """Return the reply, from the journal where it is already there.

        Raises:
            PermanentError: the request failed for good (its attempts are used up, or it cannot
                succeed).
        """
        ...


class Process(Protocol):
    """The chain of steps that a phase runs on one input row.

    Must be a pure function of the row and the replies: after a crash it runs again and is answered
    from the journal.
    """

    async def __call__(self, row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        """Return the outcome of the row: one row of the phase's part schema."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a verifier may know about the question whose answer it reads."""

    question: str
    context: str
    options: tuple[str, ...]
    checks: tuple[str, ...]


class Verifier(Protocol):
    """Reads answers of one kind so that they can be compared.

    One small file per kind in ``tsdg/verify``.
    """

    kind: AnswerKind
    method: str
    """How answers were verified, as the records say: ``vote``, or what was done beside it."""

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the answer in normal form, or None if the text holds none of this kind.

        None counts as an abstention.
        """
        ...

    def same(self, left: str, right: str) -> bool:
        """Whether two answers in normal form say the same."""
        ...


ProofVerdict = Literal[
    "passed", "wrong", "raised", "timeout", "memory", "forbidden", "output", "crashed"
]
"""``passed``, or the first failure: a test gave another value or raised; a limit on time or memory;
a call that the sandbox forbids; too much output; a crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The outcome of testing one answer."""

    verdict: ProofVerdict
    detail: str
    """One line for a person."""
    behaviour: str
    """What it did beyond the tests, for :meth:`Prover.alike`; empty unless it passed."""


@runtime_checkable
class Prover(Verifier, Protocol):
    """A verifier that can test an answer by itself; only answers that pass take part in votes."""

    async def prove(self, answers: Sequence[str], asked: Asked) -> Sequence[Proof]:
        """Test answers in normal form. Never blocks the event loop, however long the tests take.

        Returns:
            One proof per answer, in order; the same for the same answer.

        Raises:
            MachineError: this machine cannot run the tests.
        """
        ...

    def alike(self, left: str, right: str) -> bool:
        """Whether two behaviours are the same."""
        ...


Part = Literal["read", "same"]
"""A part of a verifier."""


def is_quick(verifier: Verifier, part: Part) -> bool:
    """Whether a verifier does this in a millisecond, so that it needs no thread.

    tsdg's own say so in their attribute ``quick``; a user's own may take as long as it likes.
    """
    return part in getattr(verifier, "quick", ())


def proves(verifier: Verifier) -> TypeGuard[Prover]:
    """Whether a verifier tests answers by itself; asked so often that it must be quick."""
    return hasattr(verifier, "prove")


class Posed(Protocol):
    """Anything that asks a question: a seed's item, a generated question."""

    @property
    def question(self) -> str:
        """What is asked."""
        ...

    @property
    def context(self) -> str:
        """What it is about; empty where there is nothing."""
        ...

    @property
    def options(self) -> tuple[str, ...]:
        """What may be chosen; empty where there is nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A held-out row that is the same item as another one, or nearly."""

    split: str
    """``dataset_path/config/split``, or a benchmark file."""
    row: int
    exact: bool
    """Whether it is the same item, and not nearly."""
    how: str
    """What agrees, as text for a person that the name of the row completes."""

    def __str__(self) -> str:
        return f"{self.how} {self.split} row {self.row}"


class HeldOut(Protocol):
    """All held-out items of mirror and benchmark files, for ``corpus`` to compare with."""

    splits: tuple[str, ...]
    """Their names."""
    rows: int

    def compare(self, items: Sequence[Posed]) -> Sequence[Match | None]:
        """Return, per item, a held-out row that is the same item or nearly, or None."""
        ...
