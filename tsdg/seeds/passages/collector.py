"""Seeds from passages: a corpus of labelled texts in place of benchmark rows.

A row as Essential-Web has it, by paths
(https://huggingface.co/datasets/EssentialAI/essential-web-v1.0)::

    {"text": "The refractive index ...",
     "eai_taxonomy": {"free_decimal_correspondence": {"primary": {"code": "535.2",
     "labels": {"level_1": "Science", ...}}},
     "education_level": {"primary": {"label": "Graduate Level"}}, ...}}

1. Rows whose labels are not wanted, or whose text is too short, are passed over: they count as
   ``unsampled``.
2. Of the others, each subject gives what taking in turns over domain, code and decimals gives it
   (:mod:`tsdg.seeds.draw.rotation`): within a subject those with the smallest hashes of
   (seed, row).
3. A long text gives one chunk from a drawn place, cut at the ends of sentences.

The seed's ``context`` is the chunk, its question and answer are empty. One domain is one task.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from tsdg.config.passages import PassagesConfig
from tsdg.errors import MirrorError, RecipeError
from tsdg.hashset import HashSet
from tsdg.records import SEED_SCHEMA, Rejection, Seed, Source
from tsdg.rowform import stable_id
from tsdg.seeds.catalogue.model import Family, Unit
from tsdg.seeds.draw.collect import TaskCounts
from tsdg.seeds.draw.rotation import Path as Subject
from tsdg.seeds.draw.rotation import shared
from tsdg.seeds.draw.selection import Located, TaskSource
from tsdg.seeds.mirror.split_files import SplitFile
from tsdg.seeds.passages.passage_files import (
    check_columns,
    corpus_state,
    files_of,
    read_file,
    state_of,
)
from tsdg.seeds.passages.passage_texts import (
    FAMILY,
    OTHER,
    chunk_of,
    domain_of,
    domains_of,
    subject_of,
    task_of,
    value_at,
    wanted,
)
from tsdg.tables import Table, read_rows

_SPOOLED = 2048


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    """In the order of the files."""
    values: Mapping[str, Any]


class _Found:
    """What the first reading of a corpus finds, by domain; of rows that may be drawn, by place."""

    def __init__(self, domains: tuple[str, ...]) -> None:
        self.rows = dict.fromkeys(domains, 0)
        self.refused = {name: dict.fromkeys(("malformed", "duplicate"), 0) for name in domains}
        self.subjects: dict[Subject, int] = {}
        self.places: list[int] = []
        self.hashes: list[int] = []
        self.numbers: list[int] = []
        self.seen = HashSet()
        self.labelled = False


def _hash(text: str) -> int:
    """A hash of a text, never 0."""
    digest = blake2b(text.strip().encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSource(TaskSource):
    """A task of a passage corpus, whose identity is that of all its files."""

    state: str

    def revision(self) -> str:
        """What the corpus is known by again."""
        return self.state

    def pinned(self, revisions: Mapping[str, str]) -> CorpusSource:
        """The same: nobody keeps the files of before."""
        return self


def locate(config: PassagesConfig) -> Located:
    """The tasks of a passage corpus, one per domain, in the form of the catalogue's.

    Raises:
        MirrorError: there is no such corpus.
        RecipeError: its first file lacks a column, or a task of ``per_task`` is none of its.
    """
    check_columns(files_of(config)[0], config)
    tasks = [task_of(domain) for domain in domains_of(config)]
    if unknown := sorted(set(config.per_task) - set(tasks)):
        raise RecipeError(
            f"passages.per_task: {unknown[0]} is no task of these passages; allowed: "
            f"{', '.join(tasks)}"
        )
    family = Family(
        id=FAMILY,
        family=FAMILY,
        group="knowledge",
        tier="extra",
        output_type="generate_until",
        answer_kind="text",
        domain=OTHER,
        languages=(),
        licence=config.licence,
        verifier="text",
        adapter="passages",
        commercial="yes" if config.commercial else "no",
        suggested_cap=config.total,
        contamination="",
        remarks="",
    )
    split = SplitFile(
        path=Path(config.path).expanduser(), dataset_path=config.path, config="", split="passages"
    )
    state = corpus_state(config)
    there = tuple(
        CorpusSource(
            state=state,
            task=task_of(domain),
            family=family.model_copy(update={"domain": domain}),
            unit=Unit(
                family=FAMILY,
                dataset_path=config.path,
                config="",
                split="passages",
                proof="named by the user",
                rows=0,
                rows_certainty="?",
                language="" if config.language else "en",
                tasks=(task_of(domain),),
                yaml="",
                licence=config.licence,
                commercial=family.commercial,
                remarks="",
                answer_kind="text",
                part_of="",
            ),
            split=split,
        )
        for domain in domains_of(config)
    )
    return Located(there=there, missing=(), left_out=())


class PassageCollector:
    """Iterates over the rejections and then the seeds of a passage corpus.

    Task by task, in the order of its files.

    Attributes:
        counts: per task, complete when all has been iterated over.
        held_out_rows: always 0: what is compared with held-out items is the questions.
        skipped, left_out, notes: empty, as a corpus has no tasks to leave out.
    """

    held_out_rows = 0
    skipped: Mapping[str, str] = MappingProxyType({})
    left_out = ()
    notes = ()

    def __init__(self, config: PassagesConfig, seed: int, scratch: Path) -> None:
        """Find the files.

        Args:
            config: which passages.
            seed: of the draws.
            scratch: a folder for the drawn passages of each task, made and removed again.

        Raises:
            MirrorError: there are none.
        """
        self._config = config
        self._key = str(seed).encode()
        self._scratch = scratch
        self._files = {file: state_of(file) for file in files_of(config)}
        self._domains = domains_of(config)
        self._most = {
            name: config.per_task[task_of(name)]
            for name in self._domains
            if task_of(name) in config.per_task
        }
        self.counts: dict[str, TaskCounts] = {}

    def __iter__(self) -> Iterator[Seed | Rejection]:
        """Yield what becomes of the rows.

        Raises:
            MirrorError: a file cannot be read.
            RecipeError: a column is missing, or no row has what is looked for in it.
        """
        found = _Found(self._domains)
        row = None
        for row in self._rows():
            yield from self._judge(row, found)
        self._require_some(found, row)
        sampled = self._spool(self._drawn(found))
        for domain in self._domains:
            yield from read_rows(self._scratch / f"{task_of(domain)}.parquet", Seed)
        shutil.rmtree(self._scratch)
        self.counts = {
            task_of(name): TaskCounts(
                available=found.rows[name],
                denied=0,
                leaked=0,
                doubtful=0,
                **found.refused[name],
                sampled=sampled[name],
                unsampled=found.rows[name] - sampled[name] - sum(found.refused[name].values()),
            )
            for name in self._domains
            if found.rows[name]
        }

    def _judge(self, row: _Row, found: _Found) -> Iterator[Rejection]:
        """Count a row, and note it where it may be drawn; yield why it may not."""
        config, domain = self._config, self._domain(row.values)
        found.rows[domain] += 1
        found.labelled = found.labelled or value_at(row.values, config.domain) is not None
        text = value_at(row.values, config.text)
        if not isinstance(text, str) or not text.strip():
            found.refused[domain]["malformed"] += 1
            yield self._reject(row, domain, "malformed", f"column {config.text!r} holds no text")
        elif len(text.strip()) < config.min_chars or not wanted(row.values, config):
            return
        elif not found.seen.add(_hash(text)):
            found.refused[domain]["duplicate"] += 1
            yield self._reject(row, domain, "duplicate", "the same text came earlier")
        else:
            code = value_at(row.values, config.subject) if config.subject else None
            subject = subject_of(domain, code)
            found.places.append(found.subjects.setdefault(subject, len(found.subjects)))
            found.hashes.append(self._draw(row.number))
            found.numbers.append(row.number)

    def _require_some(self, found: _Found, last: _Row | None) -> None:
        """Refuse a corpus in which no row has what is looked for.

        Raises:
            RecipeError: a key names the wrong column.
        """
        if last is None:
            return
        malformed = sum(counts["malformed"] for counts in found.refused.values())
        if malformed == sum(found.rows.values()):
            raise self._nothing_in("text", "text", last.values)
        if not found.labelled:
            raise self._nothing_in("domain", "a value", last.values)

    def _nothing_in(self, key: str, what: str, row: Mapping[str, Any]) -> RecipeError:
        """What to say of a key that names the wrong column, or none."""
        return RecipeError(
            f"passages.{key}={getattr(self._config, key)}: no row of {self._config.path} has "
            f"{what} there; the columns "
            f"of its last row are {', '.join(row)}; name one with passages.{key}=COLUMN"
        )

    def _spool(self, drawn: frozenset[int]) -> dict[str, int]:
        """Write the seeds of each task to a file of its own.

        Return how many there are of each domain.
        """
        with ExitStack() as stack:
            tables = {
                domain: stack.enter_context(
                    Table(
                        self._scratch / f"{task_of(domain)}.parquet",
                        SEED_SCHEMA,
                        group_rows=_SPOOLED,
                    )
                )
                for domain in self._domains
            }
            for row in self._rows():
                if row.number in drawn:
                    domain = self._domain(row.values)
                    tables[domain].add(self._seed(row, domain))
            return {domain: table.count for domain, table in tables.items()}

    def _drawn(self, found: _Found) -> frozenset[int]:
        """The numbers of the rows that become seeds."""
        subjects = found.subjects
        places = np.array(found.places, np.int64)
        hashes = np.array(found.hashes, np.uint64)
        numbers = np.array(found.numbers)
        sizes = (
            np.bincount(places, minlength=len(subjects))
            if len(places)
            else np.zeros(len(subjects), np.int64)
        )
        counts = {subject: int(sizes[place]) for subject, place in subjects.items()}
        parts = shared(counts, self._config.total, self._most)
        order = np.lexsort((numbers, hashes, places))
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        drawn = [
            numbers[order[starts[place] : starts[place] + parts.get(subject, 0)]]
            for subject, place in subjects.items()
        ]
        return frozenset(int(number) for each in drawn for number in each)

    def _rows(self) -> Iterator[_Row]:
        """Yield all rows, of the files as they were found: they are read twice.

        Raises:
            MirrorError: a file changed, or cannot be read.
        """
        number = 0
        for file, state in self._files.items():
            for values in read_file(file, self._config):
                yield _Row(number, values)
                number += 1
            if state_of(file) != state:
                raise MirrorError(
                    f"passages.path: {file} changed while the seeds were made; start again when it "
                    "stays as it is"
                )

    def _domain(self, row: Mapping[str, Any]) -> str:
        return domain_of(str(value_at(row, self._config.domain)), self._config.domains)

    def _draw(self, number: int) -> int:
        return int.from_bytes(
            blake2b(str(number).encode(), digest_size=8, key=self._key[:64]).digest(), "big"
        )

    def _seed(self, row: _Row, domain: str) -> Seed:
        config = self._config
        language = value_at(row.values, config.language) if config.language else "en"
        chunk = chunk_of(
            value_at(row.values, config.text), config.chunk_chars, self._draw(row.number)
        )
        return Seed(
            seed_id=stable_id("passage", chunk),
            group="knowledge",
            family=FAMILY,
            task=task_of(domain),
            output_type="generate_until",
            answer_kind="text",
            question="",
            context=chunk,
            options=(),
            answer="",
            answer_index=-1,
            aliases=(),
            checks=(),
            classes=False,
            solution="",
            level="",
            subject="",
            option_order=(),
            domain=domain,
            language=str(language or "en"),
            licence=config.licence,
            source=self._source(row.number),
        )

    def _source(self, number: int) -> Source:
        return Source(
            dataset_path=self._config.path, config="", split="passages", row=number, revision=""
        )

    def _reject(self, row: _Row, domain: str, reason: Any, detail: str) -> Rejection:
        return Rejection(
            row_id=stable_id("passage row", self._config.path, row.number),
            group="knowledge",
            family=FAMILY,
            task=task_of(domain),
            stage="seeds",
            reason=reason,
            detail=f"row {row.number}: {detail}",
        )
