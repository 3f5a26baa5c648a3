"""A small mirror of the splits that recipe ``agieval`` reads, with rows written here in the hub's
columns."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NAMES = ("Ann", "Bo", "Cy", "Dee", "Eli", "Flo")
LIQUIDS = ("water", "oil", "milk", "vinegar", "petrol", "mercury")
ANIMALS = ("猫", "狗", "马", "牛", "羊", "鸡")


def _rows() -> dict[str, list[dict[str, Any]]]:
    numbers = range(2, 8)
    return {
        "deepmind/aqua_rat/raw/train": [
            {
                "question": (
                    f"A shelf in the cellar holds {n} rows of {n + 3} jars. "
                    "How many jars does it hold?"
                ),
                "options": [
                    f"A){n * 2 + 3}",
                    f"B){n * (n + 3)}",
                    f"C){n + 3}",
                    f"D){n * 9 + 1}",
                    "E)none of these",
                ],
                "rationale": f"{n} x {n + 3} = {n * (n + 3)}",
                "correct": "B",
            }
            for n in numbers
        ],
        "zhongwanjun/AR-LSAT/default/train": [
            {
                "passage": (
                    f"{first}, {second} and Gus sit in a row of three chairs. "
                    f"{second} sits on the first one."
                ),
                "question": f"If Gus does not sit beside {second}, who sits in the middle?",
                "options": [first, second, "Gus", "nobody"],
                "answer": "A",
            }
            for first, second in zip(NAMES, NAMES[1:] + NAMES[:1], strict=True)
        ],
        "EleutherAI/logiqa/logiqa/train": [
            {
                "context": (
                    f"Every one of the guests who drank {drink} stayed late. "
                    f"{name} left the party early."
                ),
                "question": "Which of these follows from what is said?",
                "options": [
                    f"{name} drank {drink}.",
                    f"{name} drank no {drink}.",
                    "Nobody left.",
                    f"All guests drank {drink}.",
                ],
                "label": "b",
            }
            for name, drink in zip(NAMES, LIQUIDS, strict=True)
        ],
        "lgw863/LogiQA-dataset/zh/train": [
            {
                "context": f"农场里所有的{animal}都是健康的动物，健康的动物都不需要吃药。",
                "question": "根据上面的话可以推出什么？",
                "options": [
                    f"{animal}不需要吃药",
                    f"{animal}需要吃药",
                    f"有的{animal}不健康",
                    "动物都需要吃药",
                ],
                "label": "a",
            }
            for animal in ANIMALS
        ],
        "cais/mmlu/all/auxiliary_train": [
            {
                "question": (
                    "Which of these is a liquid at room temperature, "
                    f"as {name}'s teacher asked in lesson {n}?"
                ),
                "subject": "",
                "choices": ["iron", liquid, "salt", "oxygen"],
                "answer": 1,
            }
            for n, (name, liquid) in enumerate(zip(NAMES, LIQUIDS, strict=True))
        ],
    }


def write_mirror(folder: Path) -> Path:
    """Write the splits; return the mirror."""
    for name, rows in _rows().items():
        path = folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
    return folder
