"""A verifier of one's own from the command line: a run, its stages one by one, and once more."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli, Endpoint, records, table

TASKS = "seeds.tasks=[demo_arithmetic]"
NAMED = "+filter.verifiers.demo_arithmetic=hundreds"
MODULE = """\
from tsdg.protocols import Asked
from tsdg.verify.number import NumberVerifier
from tsdg.verify.own import OwnVerifier


class Hundreds:
    kind = "number"
    method = "vote on hundreds"

    def read(self, text: str, asked: Asked) -> str | None:
        found = NumberVerifier().read(text, asked)
        return str(int(found) // 100 * 100) if found and found.isdigit() else None

    def same(self, left: str, right: str) -> bool:
        return left == right


VERIFIER = OwnVerifier(
    verifier=Hundreds(),
    same=[("Answer: 12", "It is 34.")],
    different=[("Answer: 12", "Answer: 112")],
    abstains=["Answer: 1.5"],
)
"""
STAGES = ("seeds", "questions", "questions.gather", "answers", "answers.gather", "package")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my/verifiers").mkdir(parents=True)
    (tmp_path / "my/verifiers/hundreds.py").write_text(MODULE)
    return tmp_path / "my"


def test_it_reads_the_answers_of_a_run(
    tsdg: Cli, oracle: Callable[..., Endpoint], folder: Path
) -> None:
    endpoint = oracle()
    own = [TASKS, NAMED, "--config-dir", str(folder)]
    ran = tsdg("run", "recipe=demo", "run=a", *own, *endpoint.overrides())
    assert ran.code == 0, ran.err
    made = records(tsdg.root / "a")
    assert {row["verification"]["method"] for row in made.values()} == {"vote on hundreds"}
    answers = table(tsdg.root / "a/answers/solutions.parquet")
    assert {row["answer"] for row in answers} == {"0"}  # the oracle answers below 100
    assert tsdg("verify", str(tsdg.root / "a")).code == 0

    # What is left of it elsewhere: the run directory alone.
    shutil.rmtree(folder)
    assert tsdg("resume", str(tsdg.root / "a")).code == 0
    replayed = tsdg("replay", str(tsdg.root / "a"), "run=b", *endpoint.overrides()[1:])
    assert replayed.code == 0, replayed.err
    assert records(tsdg.root / "b") == made
    measured = tsdg("difficulty", str(tsdg.root / "a"), "sample=3")
    assert measured.code == 0, measured.err
    for stage in ("seeds", "questions", "answers", "filter", "dataset"):
        shutil.rmtree(tsdg.root / "b" / stage)
    (tsdg.root / "b/manifest.json").unlink()
    for stage in STAGES:
        done = tsdg("work", str(tsdg.root / "b"), stage)
        assert done.code == 0, (stage, done.err)
    assert records(tsdg.root / "b") == made
    assert tsdg("verify", str(tsdg.root / "b")).code == 0


def test_what_is_wrong_with_it_is_one_line(tsdg: Cli, folder: Path, tmp_path: Path) -> None:
    cluster = tmp_path / "c.yaml"
    cluster.write_text(f"executor: slurm\njob_dir: {tmp_path}/jobs\n")
    file = folder / "verifiers/hundreds.py"
    file.write_text(re.sub(r"same=\[.*\]", "same=[]", MODULE))
    own = ["recipe=demo", TASKS, NAMED, "--config-dir", str(folder)]
    for words in (
        ["run", *own],
        ["plan", *own],
        ["launch", *own, f"cluster={cluster}", f"output_root={tsdg.root}", "--dry-run"],
    ):
        ran = tsdg(*words)
        assert (ran.code, ran.err.count("\n")) == (2, 1), ran.err
        assert f"{file}: verifier hundreds has no examples of 'same'" in ran.err
    assert tsdg.runs() == []
    file.write_text(MODULE)
    assert tsdg("plan", *own).code == 0
