from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdg.package.shuffle import shuffled


def order(
    rows: list[tuple[str, str]], *, batch: int, seed: int, budget: int
) -> list[tuple[str, str]]:
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    batches = [
        pa.RecordBatch.from_pylist(
            [{"id": i, "text": t} for i, t in rows[start : start + batch]], schema=schema
        )
        for start in range(0, len(rows), batch)
    ]
    with tempfile.TemporaryDirectory() as folder:
        tables = list(
            shuffled(batches, id_column="id", seed=seed, scratch=Path(folder), budget=budget)
        )
        assert list(Path(folder).iterdir()) == []
    assert all(table.column_names == ["id", "text"] for table in tables)
    return [(row["id"], row["text"]) for table in tables for row in table.to_pylist()]


@settings(max_examples=settings.default.max_examples // 4)
@given(
    count=st.integers(0, 120),
    batch=st.integers(1, 50),
    other=st.integers(1, 50),
    seed=st.integers(0, 3),
    budget=st.sampled_from([1, 300, 3000, 1 << 20]),
)
def test_the_order_depends_on_seed_and_ids_alone(
    count: int, batch: int, other: int, seed: int, budget: int
) -> None:
    rows = [(f"id{index}", f"text {index} " * (index % 5)) for index in range(count)]
    expected = order(rows, batch=batch, seed=seed, budget=1 << 30)
    random.Random(count).shuffle(rows)
    assert order(rows, batch=other, seed=seed, budget=budget) == expected
    assert sorted(expected) == sorted(rows)


def test_another_seed_gives_another_order() -> None:
    rows = [(f"id{index}", "") for index in range(100)]
    one, two = (order(rows, batch=10, seed=seed, budget=1 << 20) for seed in (1, 2))
    assert one != two
    assert rows not in (one, two)


def test_a_budget_of_nothing_ends() -> None:
    """Even rows that agree in every digit of the hash are sorted in the end."""
    rows = [("same", str(index)) for index in range(5)]
    assert sorted(order(rows, batch=1, seed=0, budget=1)) == rows
