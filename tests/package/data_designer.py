"""A folder as NeMo Data Designer 0.9.6 writes it, with rows of the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_BATCH = 1000


def write_output(dataset: Path, rows: list[dict[str, Any]]) -> Path:
    """Write ``dataset`` as files of 1,000 rows with large strings; return their folder."""
    files = dataset / "parquet-files"
    files.mkdir(parents=True)
    (dataset / "tmp-partial-parquet-files").mkdir()
    (dataset / "metadata.json").write_text(
        json.dumps({"actual_num_records": len(rows), "buffer_size": _BATCH})
    )
    (dataset / "builder_config.json").write_text("{}")
    table = pa.Table.from_pylist(rows)
    kinds = [
        pa.large_string() if pa.types.is_string(field.type) else field.type
        for field in table.schema
    ]
    schema = pa.schema(zip(table.schema.names, kinds, strict=True))
    for number, start in enumerate(range(0, len(rows), _BATCH)):
        pq.write_table(
            table.slice(start, _BATCH).cast(schema), files / f"batch_{number:05d}.parquet"
        )
    return files
