"""The typed recipe: what a run is asked to do, after composition and before anything starts.

Every model is frozen and refuses unknown keys; a recipe has a value for every key, because
``recipes/`` gives them all.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from tsdg.config.answers import AnswersConfig as AnswersConfig
from tsdg.config.base import Config, NonNegativeInt, PositiveInt, PositiveShare, Share, TimeLimit
from tsdg.config.judge import JudgeConfig
from tsdg.config.models import ModelConfig, RoleConfig, ServerConfig
from tsdg.config.passages import PassagesConfig
from tsdg.config.questions import QuestionsConfig
from tsdg.config.roles import Role as Role
from tsdg.config.roles import asked_model, owner_of, why_not
from tsdg.config.sampling import SamplingConfig
from tsdg.config.study import StudyConfig
from tsdg.config.verifier_name import VerifierName
from tsdg.records import Group

StepName = Literal["study", "questions", "answers"]
FileName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="at most 100 letters, digits, dots, - and _, beginning with a letter or digit",
    ),
]
PHASES = "[], [[questions]], [[questions],[answers]] or [[questions,answers]]"


class SharesConfig(Config):
    """Which part of the seeds each domain and each language gets; the others share the rest."""

    domain: dict[str, PositiveShare]
    """Domain of the catalogue → its share of all seeds."""
    language: dict[str, PositiveShare]
    """Language of the catalogue → its share of all seeds."""

    @model_validator(mode="after")
    def _sums(self) -> SharesConfig:
        for key, shares in (("domain", self.domain), ("language", self.language)):
            if sum(shares.values()) > 1 + 1e-9:
                raise ValueError(
                    f"{key}: the shares sum to {sum(shares.values()):g}, allowed is at most 1"
                )
        return self


class LeaksConfig(Config):
    """When a seed is nearly the same as a held-out item; the same items always leak."""

    ngram: Annotated[int, Field(ge=3, le=32)]
    """Words of the runs that are compared; of Chinese and Japanese half as many characters again,
    of Thai, Lao, Burmese, Khmer and Tibetan three times as many."""
    overlap: Annotated[float, Field(ge=0.5, le=1.0)]
    """Least share of the runs of one item that the other must have."""


class SeedsConfig(Config):
    """Stage 1: which training rows become seeds."""

    mirror: str
    """Folder of benchmark splits, ``<dataset_path>/<config or default>/<split>.parquet``; empty
    where every task is one of tsdg's own demo tasks."""
    tasks: tuple[str, ...]
    """lm-eval task names."""
    families: tuple[str, ...]
    """Families of the catalogue: one task of each of their units of source."""
    groups: tuple[Group, ...]
    """All families of a group: the 39 of knowledge, the 34 of reasoning."""
    tier_b: bool
    """Whether families of tier B may be used: a few official exemplars, or a known leak."""
    licences: Literal["any", "commercial", "permissive"]
    """Whose licence lets a model be used commercially: ``commercial`` with share-alike licences,
    ``permissive`` without. What is unclear counts as no."""
    cap_per_task: PositiveInt
    """At most this many seeds of one task."""
    caps: dict[str, PositiveInt] = Field(default_factory=dict)
    """Task → at most this many of its seeds, in place of more."""
    cap_per_family: NonNegativeInt | Literal["suggested"]
    """At most this many seeds of one family; 0 for no cap, ``suggested`` for the catalogue's."""
    cap_per_group: NonNegativeInt
    """At most this many seeds of one group; 0 for no cap."""
    total: NonNegativeInt
    """At most this many seeds; 0 for no cap."""
    mix: Literal["proportional", "uniform", "temperature", "round_robin"]
    """How tasks share what the caps leave: by their good rows, equally, by good rows to the power
    of 1 / ``temperature``, or in turn by domain, then family, then task."""
    temperature: Annotated[float, Field(ge=1.0)]
    """Of ``mix=temperature``: 1 is proportional, a large one nearly uniform."""
    shares: SharesConfig
    leaks: LeaksConfig
    exclude: tuple[str, ...]
    """Directories of runs whose ``tsdg difficulty`` contradicts rows, which then are doubtful."""
    accept: tuple[str, ...]
    """Differences from what the catalogue expects that are used all the same, as ``tsdg seeds
    probe`` names them."""
    missing: Literal["error", "skip"]
    """What to do with a task whose rows are not in the mirror."""
    workers: PositiveInt | Literal["auto"]
    """Processes that normalise rows; ``auto``: one per usable core, fewer for few rows."""


class PromptConfig(Config):
    """Which prompt files are used."""

    dir: str
    """A folder of prompt files ``<step>/<answer kind>.yaml``: beside the recipes, or an absolute
    path."""
    files: dict[str, str]
    """Single prompts that replace the folder's, e.g. ``{questions/choice: /path/mine.yaml}``."""


class DedupConfig(Config):
    """Which generated questions count as the same as another one. Equal items always do."""

    near: bool
    """Also remove questions that differ in only a few words from another one, or from a seed."""
    threshold: Annotated[float, Field(ge=0.5, lt=1.0)]
    """Least share of the words, in order, that two near-duplicates have in common. One changed word
    of five or more is always near. Questions with other numbers or another short answer never are.
    Nor are those answered with labels (yes, no), unless they are the same word by word and only
    their passages are near."""
    keep: Literal["first", "agreement"]
    """Which of several near-duplicates stays: the one with the smallest id, or the one whose
    answers agree most, which only phases that ask and answer together can tell."""
    against: tuple[str, ...]
    """Run directories whose questions count as earlier ones."""

    @model_validator(mode="after")
    def _against_what(self) -> DedupConfig:
        if self.against and not self.near:
            raise ValueError("filter.dedup.against needs filter.dedup.near=true")
        return self


class DecontaminateConfig(LeaksConfig):
    """When a generated question counts as nearly the same as a held-out item.

    Held-out items are those of the mirror and of any further benchmarks named here.
    """

    enabled: bool
    """Whether questions and solutions are compared at all."""
    files: tuple[str, ...]
    """Further benchmarks, ``*.parquet`` or ``*.jsonl``: every row of them is held out."""


class FilterConfig(Config):
    """Stage 4: which of the generated rows are kept."""

    verifiers: dict[str, VerifierName]
    """Family → the verifier that reads its answers, in place of the one of its answer kind: one of
    tsdg's, or a user's own (``verifiers/NAME.py`` in the folder of ``--config-dir``)."""
    dedup: DedupConfig
    decontaminate: DecontaminateConfig


class EngineConfig(Config):
    """How the work is cut and kept going. Nothing here changes the rows."""

    unit_rows: PositiveInt
    """Input rows of one work unit."""
    max_in_flight: PositiveInt
    """Most requests of one process in flight at once for each of its replicas or endpoints; fewer
    where these have too much to do."""
    attempts: PositiveInt
    """Times a request fails at servers that answer others before it becomes a rejection. Failures
    at servers that fail others too count for less."""
    request_timeout_s: PositiveInt | Literal["auto"]
    """Seconds that the reply of an external endpoint may take; ``auto``: what its ``max_tokens``
    take at the rate seen there. A request that was cut gets twice the time. Own servers are watched
    by their tokens, and none of their replies is cut."""


class BudgetConfig(Config):
    """Caps on what a run may use, over all processes and starts; 0 means no cap.

    A run that reaches one stops and can be resumed. ``max_lost`` stops nothing.
    """

    retries: NonNegativeInt
    """Requests sent again."""
    wall_hours: Annotated[float, Field(ge=0.0)]
    """Hours during which at least one process was at work on a phase."""
    tokens: NonNegativeInt
    """Prompt and completion tokens together."""
    gpu_hours: Annotated[float, Field(ge=0.0)]
    """GPUs × hours of own servers."""
    max_lost: Share = 0.005
    """Share of the questions and studies asked for that may be lost because no server answered.
    A run that loses more is packaged all the same, says so, and ends with exit code 1."""


class PackageConfig(Config):
    """Stage 5: the dataset."""

    rows_per_file: PositiveInt
    """Records of one Parquet file at most."""
    style: Literal["labelled", "plain"]
    """Training text with labels (``Question:``, ``Answer:``), or only its parts with blank lines
    between them."""
    knowledge: Literal["after", "before", "both"]
    """Where the definition and background of ``enriched`` records stand: ``after`` the question, as
    part of what a model has to recall; ``before`` it, where they may give the answer away; or
    ``both``: after it in one half of the records, before it in the other."""
    think: bool
    """Chat turns hold the reasoning as the assistant's ``reasoning_content``, in place of its
    content: the trace where it is kept (and then the written solution stays in the content)."""


class LaunchConfig(Config):
    """How ``tsdg launch`` turns a run into jobs of a cluster. Nothing here changes the rows."""

    elements: PositiveInt
    """Elements of each phase's job array; fewer where there are fewer work units."""
    max_running: PositiveInt
    """Elements of one phase at once."""
    nodes_per_element: NonNegativeInt
    """Nodes of one element, a multiple of what one server spans; 0 for just that."""
    time_limit: TimeLimit
    """Of a phase's element; empty for the cluster file's limit of the partition."""
    flush_s: PositiveInt
    """Seconds before its time limit at which an element is told to stop, so that it is requeued
    with nothing lost."""
    retries: NonNegativeInt
    """Times one element is requeued, after its time limit or after it was killed."""
    chain: NonNegativeInt
    """Further arrays that wait for each phase's to end, for clusters whose preemption cancels
    instead of requeueing."""
    canary: NonNegativeInt
    """Seeds of the canary, a small run through all stages that must succeed before the arrays
    start; 0 for none."""
    canary_time_limit: TimeLimit
    """Of each of the canary's jobs; empty for the cluster file's limit of the partition."""


class Recipe(Config):
    """A whole run."""

    name: FileName
    """The recipe's own name."""
    output_root: str
    """Folder of runs, on the shared file system."""
    run: FileName
    """Name of the run directory; ``auto`` is the recipe's name and the first digits of its
    fingerprint."""
    seed: Annotated[int, Field(ge=0)]
    """Seed of every draw that tsdg makes: seeds, topics, examples, option order, requests."""
    hardware: FileName
    """Kind of GPU node, which chooses among ``model.parallelism``."""
    phases: Annotated[tuple[tuple[StepName, ...], ...], Field(description=PHASES)]
    """Steps that run together; ``[]`` stops after the seeds. Where ``study.share`` is above 0, a
    phase ``[study]`` stands before the others, written or not."""
    seeds: SeedsConfig
    passages: PassagesConfig
    model: ModelConfig
    server: ServerConfig
    prompt: PromptConfig
    study: StudyConfig
    questions: QuestionsConfig
    answers: AnswersConfig
    filter: FilterConfig
    judge: JudgeConfig
    roles: dict[Role, RoleConfig]
    """Role → who plays it, and how its requests are asked: who studies seeds, writes questions,
    solves them, explains the answers, or judges."""
    engine: EngineConfig
    budget: BudgetConfig
    package: PackageConfig
    launch: LaunchConfig
    targets: dict[str, PositiveInt] = Field(default_factory=dict)
    """Task → records that `tsdg topup` reaches for, by further runs."""
    cluster: str
    """Where ``tsdg launch`` submits: a file of ``cluster_configs`` without its suffix, or a path;
    empty for nowhere."""

    @model_validator(mode="before")
    @classmethod
    def _study_first(cls, data: object) -> object:
        """Put the study before the other phases, so that all code that walks phases sees it."""
        if not isinstance(data, dict) or not isinstance(data.get("phases"), list | tuple):
            return data
        phases, study = tuple(data["phases"]), data.get("study")
        share = study.get("share") if isinstance(study, dict) else 0
        if isinstance(share, int | float) and share > 0 and phases:
            first = phases[0]
            if not isinstance(first, list | tuple) or tuple(first) != ("study",):
                phases = (("study",), *phases)
        return {**data, "phases": phases}

    @field_validator("phases", mode="before")
    @classmethod
    def _phase_tuples(cls, value: object) -> object:
        return (
            tuple(tuple(p) if isinstance(p, list) else p for p in value)
            if isinstance(value, tuple)
            else value
        )

    @field_validator("phases")
    @classmethod
    def _phase_order(
        cls, value: tuple[tuple[StepName, ...], ...]
    ) -> tuple[tuple[StepName, ...], ...]:
        asked = value[1:] if value[:1] == (("study",),) else value
        flat = [step for phase in asked for step in phase]
        if flat not in ([], ["questions"], ["questions", "answers"]) or any(
            not phase for phase in value
        ):
            raise ValueError(f"allowed: {PHASES}")
        return value

    @model_validator(mode="after")
    def _study_is_asked_for(self) -> Recipe:
        if ("study",) in self.phases and not self.study.share:
            raise ValueError("phases: study is one where study.share is above 0, here it is 0")
        return self

    @model_validator(mode="after")
    def _one_source(self) -> Recipe:
        named = bool(self.seeds.tasks or self.seeds.families or self.seeds.groups)
        if named and self.passages.path:
            raise ValueError(
                "seeds come from passages.path or from seeds.tasks, families and groups, not from "
                "both"
            )
        if not named and not self.passages.path:
            raise ValueError(
                "seeds.tasks, seeds.families, seeds.groups and passages.path are all empty: name "
                "what to use in one"
            )
        return self

    @model_validator(mode="after")
    def _knows_agreement(self) -> Recipe:
        if self.filter.dedup.keep == "agreement" and ("questions", "answers") not in self.phases:
            raise ValueError(
                "filter.dedup.keep=agreement needs phases=[[questions,answers]]; use first"
            )
        return self

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        limits: list[tuple[str, SamplingConfig, Role]] = [
            ("questions.sampling", self.questions.sampling, "questions"),
            ("answers.sampling", self.answers.sampling, "answers"),
            ("answers.enrich", self.answers.enrich, "enrich"),
        ]
        if second := self.answers.second:
            limits.append(("answers.escalate.sampling", second.sampling, "escalate"))
        if self.study.share:
            limits.append(("study.sampling", self.study.sampling, "study"))
        if self.judge.enabled:
            limits.append(("judge.sampling", self.judge.sampling, "judge"))
        full = []
        for key, sampling, role in limits:
            if why := why_not(self, role):
                raise ValueError(why)
            model, owner = asked_model(self, role), owner_of(self, role)
            where = f"roles.{owner}.model" if owner else "model"
            if sampling.max_tokens >= model.max_model_len:
                full.append(
                    f"{key}.max_tokens ({sampling.max_tokens}) leaves no room for a prompt in "
                    f"{where}.max_model_len ({model.max_model_len})"
                )
        if full:
            raise ValueError(f"{'; '.join(full)}; give fewer tokens to a reply, or a longer model")
        return self

    @model_validator(mode="after")
    def _has_a_reward_model(self) -> Recipe:
        if self.judge.enabled and self.judge.form == "genrm" and not owner_of(self, "judge"):
            raise ValueError(
                "judge.form=genrm asks in the chat roles of a reward model: name one with "
                "+model@roles.judge.model=nemotron-3-ultra-genrm, or take judge=rubric"
            )
        return self
