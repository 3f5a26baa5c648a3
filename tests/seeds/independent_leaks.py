"""Counts leaks without tsdg.

Which training rows of five families also stand in a held-out split of a mirror.

    python tests/seeds/independent_leaks.py MIRROR

It shares no line with ``tsdg.seeds``: its own list of what is held out, its own normal form, its
own reading of the columns, and comparison by whole strings in a dictionary. A training row leaks
where its question, long enough, equals a text of a held-out row; where it is short, the row must be
of the same data set, or must have the same options too. ``test_leaks.py`` holds tsdg's count to
this one.
"""

import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

# Files called train that are held out all the same: scored by some benchmark, or its few-shot
# exemplars.
SCORED_TRAIN = ("Albertmade/memo-trap/", "eladsegal/strategyqa/", "juletxara/mgsm/")
LONG = 40
TASKS = {
    "openbookqa": "allenai/openbookqa/main",
    "arc_easy": "allenai/ai2_arc/ARC-Easy",
    "arc_challenge": "allenai/ai2_arc/ARC-Challenge",
    "mutual": "EleutherAI/mutual/mutual",
    "mbpp": "google-research-datasets/mbpp/full",
    **{
        f"hendrycks_math_{short}": f"EleutherAI/hendrycks_math/{name}"
        for short, name in {
            "algebra": "algebra",
            "counting_and_prob": "counting_and_probability",
            "geometry": "geometry",
            "intermediate_algebra": "intermediate_algebra",
            "num_theory": "number_theory",
            "prealgebra": "prealgebra",
            "precalc": "precalculus",
        }.items()
    },
}
NO_QUESTION = ("answer", "answerKey", "code", "explanation", "passage", "solution")
QUESTION = ("question_stem", "question", "problem", "article", "text")
LOOKS = ("displaystyle", "left", "right", "text", "textbf", "mathrm", "mathbf", "mbox", "quad")
OPTIONS = ("choices", "options", "endings")


DROPPED = re.compile(
    r"(?<!\d)[./:*]|[./:*](?!\d)"  # not within a number
    r"|-(?!\w)|(?<=[^\W\d])-|(?<=\d)-(?!\d)"  # neither a minus nor within a number
)


class Kept(dict[int, str | None]):
    """What becomes of each character by itself; asked once for each."""

    signs: "Kept"

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        kind = unicodedata.category(char)
        stays = kind[0] in "LMN" or kind in ("Sm", "So") or char in "^./:*-"
        self[code] = ("-" if char == "−" else char) if stays else None
        return self[code]


Kept.signs = Kept()


def plain(text: str) -> str:
    """Letters, marks, digits and signs of the text; of punctuation only what makes a number."""
    if "\\" in text:
        for command in LOOKS:
            text = re.sub(rf"\\{command}(?![A-Za-z])", "", text)
        text = re.sub(r"\\([lgn])eq(?![A-Za-z])", r"\\\1e", text)
        text = re.sub(r"\\[dtc](frac|binom)", r"\\\1", text)
    text = unicodedata.normalize("NFKC", text).casefold()
    return DROPPED.sub("", text).translate(Kept.signs)


def texts(row: dict[str, Any]) -> Iterator[str]:
    """Every text of a row that may be a question.

    Of a whole prompt, what stands before its choices.
    """
    for column, value in row.items():
        if isinstance(value, str) and column not in NO_QUESTION:
            yield value.split("Answer Choices:")[0].removeprefix("Q:")


def options(row: dict[str, Any]) -> tuple[str, ...]:
    for column in OPTIONS:
        value = row.get(column)
        value = value.get("text") if isinstance(value, dict) else value
        if isinstance(value, list) and value and all(isinstance(entry, str) for entry in value):
            return tuple(sorted(plain(entry) for entry in value))
    return ()


def held_out(mirror: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(mirror.rglob("*.parquet")):
        name = path.relative_to(mirror).as_posix()
        if path.stem != "train" or name.startswith(SCORED_TRAIN):
            yield name, path


def leaks(mirror: Path) -> dict[str, dict[int, list[str]]]:
    """Per task.

    The rows of its training split that leak, each with the held-out rows that it stands in.
    """
    by_text: dict[str, list[tuple[str, int, tuple[str, ...]]]] = {}
    for name, path in held_out(mirror):
        for number, row in enumerate(pq.read_table(path).to_pylist()):
            choices = options(row)
            for text in texts(row):
                by_text.setdefault(plain(text), []).append((name, number, choices))
    out: dict[str, dict[int, list[str]]] = {}
    for task, folder in TASKS.items():
        data_set = folder.rsplit("/", 1)[0] + "/"
        found: dict[int, list[str]] = {}
        for number, row in enumerate(pq.read_table(mirror / folder / "train.parquet").to_pylist()):
            text = plain(
                next(row[column] for column in QUESTION if isinstance(row.get(column), str))
            )
            for name, other, choices in by_text.get(text, ()):
                same_options = bool(choices) and choices == options(row)
                if len(text) >= LONG or name.startswith(data_set) or same_options:
                    found.setdefault(number, []).append(f"{name} row {other}")
        out[task] = found
    return out


if __name__ == "__main__":
    for task, found in leaks(Path(sys.argv[1])).items():
        print(json.dumps({"task": task, "leaked": len(found), "rows": sorted(found)}))
