"""The verified questions as flat columns, a seed dataset for NeMo Data Designer."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.package.export.nemo_skills import PLANNED
from tsdg.package.export.source import Export, Exported, packaged_pairs
from tsdg.records import Question, Solution
from tsdg.storage import partial_of, storage

SEED_COLUMNS = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("question_id", "group", "family", "task", "domain", "language", "licence")
        ),
        *((name, pa.string()) for name in PLANNED[:-1]),
        ("difficulty", pa.int64()),
        *((name, pa.string()) for name in ("answer_kind", "question", "context")),
        ("options", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("answer", "reasoning", "knowledge")),
        ("agreement", pa.float64()),
    ]
)
"""Columns of the seed file for Data Designer."""
_BATCH = 2000


def data_designer(export: Export) -> Exported:
    """Write ``seeds.parquet``; the rows are verified questions."""
    path = export.out / "seeds.parquet"
    partial = partial_of(path)
    rows = 0
    with storage("write", path):
        with pq.ParquetWriter(partial, SEED_COLUMNS, compression="zstd") as writer:
            batch: list[dict[str, Any]] = []
            for question, solution in packaged_pairs(export):
                batch.append(_flat(question, solution))
                rows += 1
                if len(batch) == _BATCH:
                    writer.write_table(pa.Table.from_pylist(batch, SEED_COLUMNS))
                    batch.clear()
            writer.write_table(pa.Table.from_pylist(batch, SEED_COLUMNS))
        partial.replace(path)
    return Exported(rows=rows)


def _flat(question: Question, solution: Solution) -> dict[str, Any]:
    kept = {name: getattr(question, name) for name in SEED_COLUMNS.names if hasattr(question, name)}
    return {
        **kept,
        **{name: getattr(question.plan, name) for name in PLANNED},
        "options": list(question.options),
        "answer": solution.answer,
        "reasoning": solution.reasoning,
        "knowledge": solution.knowledge,
        "agreement": solution.verification.agreement,
    }
