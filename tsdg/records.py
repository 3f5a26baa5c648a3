"""The rows that tsdg reads and writes, and nothing else.

Each row is a frozen dataclass with an Arrow schema of the same fields in the same order; JSONL has
the same fields. Every id is a stable hash of what defines the row, so that a re-run gives the
same ids: a seed is its source row, a question is its seed, prompt, model, sampling and draw
(not its text, which differs between two GPUs), a record is its question and variant.

A seed as it is stored (one of the demo's own)::

    {"seed_id": "5b0c…", "group": "knowledge", "family": "demo_science", "task": "demo_science",
     "output_type": "multiple_choice", "answer_kind": "choice",
     "question": "Which part of a plant takes up water from the soil?", "context": "",
     "options": ["the roots", "the petals", "the seeds", "the bark"], "classes": false,
     "answer": "the roots", "answer_index": 0, "aliases": [], "checks": [],
     "option_order": [0, 1, 2, 3], "solution": "", "level": "", "subject": "",
     "domain": "science", "language": "en", "licence": "Apache-2.0",
     "source": {"dataset_path": "tsdg/demo", "config": "science", "split": "train", "row": 0,
                "revision": "0.1.0"}}
"""

from __future__ import annotations

from dataclasses import dataclass

from tsdg.kinds import ANSWER_KINDS as ANSWER_KINDS
from tsdg.kinds import GROUPS as GROUPS
from tsdg.kinds import STAGES as STAGES
from tsdg.kinds import VARIANTS as VARIANTS
from tsdg.kinds import AnswerKind as AnswerKind
from tsdg.kinds import Group as Group
from tsdg.kinds import OutputType as OutputType
from tsdg.kinds import Reason as Reason
from tsdg.kinds import Stage as Stage
from tsdg.kinds import Variant as Variant
from tsdg.row_parts import Ballot as Ballot
from tsdg.row_parts import Distractor as Distractor
from tsdg.row_parts import Message as Message
from tsdg.rowform import schema_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a seed row stands: the unit of source (path, config, split) and the row in it."""

    dataset_path: str
    config: str
    split: str
    row: int
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One training row of a benchmark task, normalised."""

    seed_id: str
    group: Group
    family: str
    task: str
    output_type: OutputType
    answer_kind: AnswerKind
    question: str
    context: str
    """Passage that the question is about; empty where there is none."""
    options: tuple[str, ...]
    """Candidate answers in the order shown; empty where the task has none."""
    classes: bool
    """Whether ``options`` are classes that all items of the task share (yes and no, topics)."""
    answer: str
    """The gold answer as text, never only a letter."""
    answer_index: int
    """Index of the answer in ``options``; -1 where there are none."""
    aliases: tuple[str, ...]
    """Other texts that are right as well (short_text)."""
    checks: tuple[str, ...]
    """What a right answer must pass: assertions (code), a JSON schema (json), instructions as JSON
    objects (text)."""
    option_order: tuple[int, ...]
    """``options[i]`` stood at ``option_order[i]`` in the source row."""
    solution: str
    """The source row's own worked solution or rationale; empty where it has none."""
    level: str
    """How hard the source says the row is, in its own words ("Level 3", "college"); often empty."""
    subject: str
    """What the source says the row is about ("Algebra", "cardiology"); often empty."""
    domain: str
    language: str
    licence: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """A seed as the prompts of other seeds of its task show it."""

    task: str
    answer_kind: AnswerKind
    language: str
    set: int
    """Number of its set among those of its task, answer kind and language; kin of one set are shown
    together."""
    seed_id: str
    question: str
    context: str
    """Passage, cut to what has room."""
    options: tuple[str, ...]
    """Empty where they are the classes of the task."""
    answer: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Which request made a row."""

    model: str
    prompt: str
    """Name of the prompt file, e.g. ``questions/choice``."""
    prompt_hash: str
    sampling: str
    """Canonical JSON of the sampling parameters."""
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a seed tests, by a model that read it with its answer; concepts are English texts.

    Texts are empty and numbers 0 where ``flaw`` is set.
    """

    seed_id: str
    task: str
    skill: str
    """What the seed tests, in a few words."""
    field: str
    """The broad one, e.g. ``biology``."""
    subfield: str
    concepts: tuple[str, ...]
    """What one must know to answer it, the chief one first."""
    difficulty: int
    """1 elementary, 2 secondary, 3 undergraduate, 4 graduate, 5 expert."""
    steps: int
    """Of the reasoning that leads to the answer."""
    flaw: str
    """Why the reply could not be used, one of :data:`Reason`; empty where it could."""
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class StudiedSeed(Seed):
    """A seed that goes on after the study: the input of the questions."""

    study: Study | None
    """With field, subfield and concepts as the syllabus spells them; None where there is none, or
    none that could be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the writer settled before it wrote the question.

    Texts are empty and numbers 0 where the prompt set asks for no plan, as the demo's does.
    """

    skill: str
    """What the seed tests, in at most 15 words."""
    seed_subject: str
    """Subject of the seed: ``field > subfield > concept``."""
    seed_difficulty: int
    """Of the seed: 1 elementary, 2 secondary, 3 undergraduate, 4 graduate, 5 expert."""
    frame: str
    """What of the seed's story, structure or wording must not come back."""
    field: str
    """Of the new question, like the next two."""
    subfield: str
    concept: str
    difficulty: int
    """Of the new question, on the same scale."""
    way: str
    """Name of the drawn way from the seed to the question."""
    invented: bool
    """Whether people and findings of the question's passage are made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One generated question."""

    question_id: str
    seed_ids: tuple[str, ...]
    group: Group
    family: str
    task: str
    domain: str
    language: str
    licence: str
    answer_kind: AnswerKind
    question: str
    context: str
    options: tuple[str, ...]
    classes: bool
    """Whether ``options`` are the classes of the seed's task."""
    claimed_answer: str
    """What the generator itself gave as the answer; never shown to the solver."""
    checks: tuple[str, ...]
    plan: Plan
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSample:
    """One sampled solution of a question."""

    question_id: str
    sample: int
    text: str
    """The reply as it came, without what the server split off as reasoning."""
    reasoning: str
    answer: str
    """The answer in normal form; empty where the sample abstained."""
    finish_reason: str
    prompt_tokens: int
    """Prompt tokens of the request; a request with n samples counts its prompt at the first of
    them."""
    completion_tokens: int
    """Completion tokens, the request's total shared evenly over its samples, the remainder at the
    first."""
    option_order: tuple[int, ...]
    """Position shown → index in the question's options; empty where the options were not shown."""
    solver: str = "answers"
    reasoning_tokens: int = 0
    """Of the completion tokens those of thinking, shared likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How the answer was verified."""

    method: str
    """``vote``, or what the verifier did beside it: ``tests, then vote on behaviour``; ``none`` for
    a single sample."""
    votes: int
    """Samples that gave the winning answer."""
    agreement: float
    """votes / samples of a full vote: those not drawn count against the answer."""
    samples: int
    """Samples drawn, abstentions included."""
    chance: float | None
    """Probability that independent uniform guesses give some option at least this many votes of a
    full vote; None where the answers are not bounded."""
    claim_agrees: bool | None
    """Whether the answer is the one that the writer claimed; None where it claimed none."""
    score: float
    """Helpfulness that the judge gave, 1 to 5; 0 where none judged."""
    ballots: tuple[Ballot, ...] = ()
    """Of each solver; empty in recipes with one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The verified answer of one question, from which all variants' records are rendered."""

    question_id: str
    answer: str
    """The answer as text: of an option, its text."""
    reasoning: str
    """Reasoning of one sample that voted for the answer; empty where none gave any."""
    trace: str
    """What the model thought before it replied to that sample; empty where it is not kept."""
    knowledge: str
    """Definition and background that lead to the answer; empty where not asked for, or the reply
    was unusable."""
    distractors: tuple[Distractor, ...]
    unenriched: str
    """The reason why knowledge and distractors that were asked for are not there; else empty."""
    verification: Verification
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One training row."""

    record_id: str
    question_id: str
    group: Group
    family: str
    task: str
    domain: str
    language: str
    licence: str
    skill: str
    """Of the question's :class:`Plan`, like the next six; see there."""
    field: str
    subfield: str
    concept: str
    difficulty: int
    way: str
    invented: bool
    variant: Variant
    answer_kind: AnswerKind
    question: str
    context: str
    options: tuple[str, ...]
    answer: str
    knowledge: str
    """Definition and background that lead to the answer; empty in the other variants."""
    reasoning: str
    trace: str
    """What the solver thought before it replied; empty where it is not kept."""
    distractors: tuple[Distractor, ...]
    text: str
    """The rendered training text."""
    messages: tuple[Message, ...]
    """The same as chat turns."""
    verification: Verification
    tokens: int
    """Tokens of ``text`` by the model's own tokenizer."""
    seed_ids: tuple[str, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why a row that entered did not come out as a record."""

    row_id: str
    """A seed_id at stages ``seeds`` and ``study``, else a question_id."""
    group: Group
    family: str
    task: str
    stage: Stage
    reason: Reason
    detail: str

    @classmethod
    def of(cls, question: Question, *, stage: Stage, reason: Reason, detail: str) -> Rejection:
        """Say why a question does not go on."""
        return cls(
            row_id=question.question_id,
            group=question.group,
            family=question.family,
            task=question.task,
            stage=stage,
            reason=reason,
            detail=detail,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one step spent on one input row."""

    stage: Stage
    requests: int
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int = 0
    """Of the completion tokens those of thinking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that a phase made of one input row: one row of a part file, whatever the steps.

    Each question that was asked for is in ``questions`` or, by its id, in ``rejections``; with
    answers in the phase, each question is in ``solutions`` or in ``rejections``.
    """

    input_id: str
    """The seed_id or question_id of the input row."""
    studies: tuple[Study, ...]
    """Of a phase that studies: one for a seed that was asked about, used or not."""
    questions: tuple[Question, ...]
    samples: tuple[AnswerSample, ...]
    solutions: tuple[Solution, ...]
    rejections: tuple[Rejection, ...]
    usage: tuple[Usage, ...]
    saved_samples: int
    """Samples that the vote did not need to draw."""


SEED_SCHEMA = schema_of(Seed)
KIN_SCHEMA = schema_of(Kin)
STUDY_SCHEMA = schema_of(Study)
STUDIED_SEED_SCHEMA = schema_of(StudiedSeed)
QUESTION_SCHEMA = schema_of(Question)
ANSWER_SAMPLE_SCHEMA = schema_of(AnswerSample)
SOLUTION_SCHEMA = schema_of(Solution)
RECORD_SCHEMA = schema_of(Record)
REJECTION_SCHEMA = schema_of(Rejection)
OUTCOME_SCHEMA = schema_of(Outcome)


NO_PLAN = Plan(
    skill="",
    seed_subject="",
    seed_difficulty=0,
    frame="",
    field="",
    subfield="",
    concept="",
    difficulty=0,
    way="",
    invented=False,
)
"""Of questions whose prompt asks for no plan."""
