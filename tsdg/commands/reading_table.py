"""The commands that check, show and measure a finished run."""

from __future__ import annotations

from tsdg.commands.options import JSON, KEPT, RUN
from tsdg.commands.words import Command, Option

READING_COMMANDS = (
    Command(
        name="show",
        summary="print questions with seed, votes and records, or why rejected",
        usage="RUN [TASK] [-n QUESTIONS] [--rejected]",
        takes="a run",
        least=1,
        most=2,
        arguments=(RUN, Option(name="TASK", help="this task only", kind="task")),
        flags=(
            Option(
                name="-n",
                metavar="QUESTIONS",
                help="questions of each task",
                default="2",
                counts=True,
            ),
            Option(name="--rejected", help="rejected questions in place of accepted ones"),
        ),
        example="tsdg show runs/demo gsm8k -n 5",
    ),
    Command(
        name="report",
        summary="write a page to read a run, or one to compare several",
        usage="RUN [sample=QUESTIONS] | RUN RUN... [out=FILE]",
        takes="runs",
        least=1,
        most=1_000,
        arguments=(
            Option(
                name="RUN", help="a run; several are compared, on a page of its own", kind="run"
            ),
        ),
        keys=(
            Option(
                name="sample",
                metavar="QUESTIONS",
                help="about how many questions to show and search",
                default="300",
                counts=True,
            ),
            Option(
                name="out",
                metavar="FILE",
                help="the page of several runs",
                default="beside the first",
            ),
        ),
        example="tsdg report runs/demo",
    ),
    Command(
        name="verify",
        summary="check a run directory against its manifest",
        usage="RUN",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(RUN,),
        example="tsdg verify runs/demo",
    ),
    Command(
        name="diff",
        summary="compare the snapshots of two runs; exit 1 where they differ",
        usage="RUN RUN [--json]",
        takes="two run directories",
        least=2,
        most=2,
        arguments=(RUN,),
        flags=(JSON,),
        example="tsdg diff runs/a runs/b",
    ),
    Command(
        name="diversity",
        summary="measure how varied questions are, and how many would repeat",
        usage="RUN [against=seeds|RUN2] [at=QUESTIONS] [sample=QUESTIONS] [--json]",
        takes="a run",
        least=1,
        most=1,
        arguments=(RUN,),
        keys=(
            Option(
                name="against",
                metavar="RUN2",
                help="what to compare with",
                default="seeds",
                kind="run",
            ),
            Option(
                name="at",
                metavar="QUESTIONS",
                help="size of the run to predict for",
                default="what the run plans",
                counts=True,
            ),
            Option(
                name="sample",
                metavar="QUESTIONS",
                help="about how many questions to measure",
                default="200000",
                counts=True,
            ),
        ),
        flags=(JSON,),
        example="tsdg diversity runs/demo at=100000",
    ),
    Command(
        name="difficulty",
        summary="measure whether questions are as hard as their seeds",
        usage="RUN [sample=50] [KEY=VALUE ...]",
        takes="a run",
        least=1,
        most=1,
        arguments=(RUN,),
        keys=(
            Option(
                name="sample",
                metavar="SEEDS",
                help="seeds of each task to solve",
                default="50",
                counts=True,
            ),
        ),
        overrides=KEPT,
        example="tsdg difficulty runs/demo sample=20",
    ),
)
