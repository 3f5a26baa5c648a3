"""The table of commands: help, refusals and the command line itself come from it."""

from __future__ import annotations

from tsdg.commands.options import JSON
from tsdg.commands.seeds_table import SEEDS_COMMANDS
from tsdg.commands.words import Command, Option

_RUN = Option(name="RUN", help="a run directory")
_DRY_RUN = Option(name="--dry-run", help="show what would be done, and do nothing")
_SAMPLE = Option(name="sample", metavar="QUESTIONS", help="questions of each task", counts=True)
_KEPT = "keys of the recipe that no row depends on"
_RECIPE = "keys of the recipe; below, as Hydra shows them"
_ANY = 1_000
FORMATS = (
    "jsonl",
    "parquet",
    "hf",
    "trl",
    "megatron-bin",
    "nemo-skills",
    "nemo-gym",
    "data-designer",
    "nemotron-blend",
    "megatron",
)
"""What `tsdg export` writes."""

_ALL = (
    Command(
        name="run",
        summary="all stages on this machine, or what is left of them",
        usage="recipe=R [KEY=VALUE ...]",
        takes="a recipe",
        least=-1,
        most=0,
        overrides=_RECIPE,
        example="tsdg run recipe=demo seeds.cap_per_task=5",
    ),
    Command(
        name="plan",
        summary="what would happen, without doing it",
        usage="recipe=R [KEY=VALUE ...] [from=RUN] [--json]",
        takes="a recipe",
        least=-1,
        most=0,
        keys=(
            Option(name="from", metavar="RUN", help="say how many questions like its would repeat"),
        ),
        flags=(JSON,),
        overrides=_RECIPE,
        example="tsdg plan recipe=demo --json",
    ),
    Command(
        name="launch",
        summary="the same as jobs of a Slurm cluster, or what is left of them",
        usage="recipe=R cluster=C [KEY=VALUE ...] [--dry-run]",
        takes="a recipe and a cluster",
        least=-1,
        most=0,
        flags=(Option(name="--dry-run", help="print the jobs' scripts, and submit nothing"),),
        overrides=_RECIPE,
        example="tsdg launch recipe=demo cluster=dev --dry-run",
    ),
    Command(
        name="work",
        summary="one stage of a run; any number of processes share a phase",
        usage="RUN STAGE [KEY=VALUE ...]",
        takes="a run directory and a stage",
        least=2,
        most=2,
        arguments=(_RUN, Option(name="STAGE", help="as `tsdg status` names it")),
        flags=(
            Option(
                name="--launched",
                help="as a job: by the latest launch's recipe, and end once others do the rest",
            ),
        ),
        overrides=_KEPT,
        example="tsdg work runs/demo questions",
    ),
    Command(
        name="status",
        summary="what is pending, running, done, failed; pace and time left",
        usage="RUN [--json] [--watch]",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(_RUN,),
        flags=(
            JSON,
            Option(name="--watch", help="show it again until nothing is pending or running"),
        ),
        example="tsdg status runs/demo --watch",
    ),
    Command(
        name="logs",
        summary="the log that tells why; without a stage, all of them",
        usage="RUN [STAGE] [ELEMENT] [-f]",
        takes="a run, and at most a stage and an element",
        least=1,
        most=3,
        arguments=(
            _RUN,
            Option(name="STAGE", help="a stage, a job or a log's path; server for the servers'"),
            Option(name="ELEMENT", help="of an array: its number, or Slurm's"),
        ),
        flags=(Option(name="-f", help="follow what is added to it"),),
        example="tsdg logs runs/demo questions -f",
    ),
    Command(
        name="cancel",
        summary="end all jobs of a run, for good; what was done is kept",
        usage="RUN",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(_RUN,),
        example="tsdg cancel runs/demo",
    ),
    Command(
        name="resume",
        summary="continue with what is left, as jobs if launched, else here",
        usage="RUN [KEY=VALUE ...] [--dry-run]",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(_RUN,),
        flags=(_DRY_RUN,),
        overrides=_KEPT,
        example="tsdg resume runs/demo launch.elements=4",
    ),
    Command(
        name="list",
        summary="the runs below a folder",
        usage="[ROOT] [--json]",
        takes="one folder of runs at most",
        least=0,
        most=1,
        arguments=(Option(name="ROOT", help="the folder", default="$TSDG_OUTPUT_ROOT, else runs"),),
        flags=(JSON,),
        example="tsdg list runs",
    ),
    Command(
        name="doctor",
        summary="whether this machine and a cluster are fit, check by check",
        usage="[cluster=C] [recipe=R [KEY=VALUE ...]]",
        takes="a cluster and a recipe at most",
        least=0,
        most=0,
        overrides="cluster=C, recipe=R and, with a recipe, its keys",
        example="tsdg doctor recipe=demo cluster=dev",
    ),
    Command(
        name="replay",
        summary="run it again from its snapshot, in a new directory",
        usage="RUN [KEY=VALUE ...] [--dry-run]",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(_RUN,),
        flags=(_DRY_RUN,),
        overrides=f"{_KEPT}; run=NAME",
        example="tsdg replay runs/demo run=again",
    ),
    Command(
        name="diff",
        summary="what differs between their snapshots; exit 1 if anything does",
        usage="RUN RUN [--json]",
        takes="two run directories",
        least=2,
        most=2,
        arguments=(_RUN,),
        flags=(JSON,),
        example="tsdg diff runs/a runs/b",
    ),
    Command(
        name="verify",
        summary="check a run directory against its manifest",
        usage="RUN",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(_RUN,),
        example="tsdg verify runs/demo",
    ),
    Command(
        name="show",
        summary="questions with seed, votes and records (--rejected: and why)",
        usage="RUN [TASK] [-n QUESTIONS] [--rejected]",
        takes="a run",
        least=1,
        most=2,
        arguments=(_RUN, Option(name="TASK", help="of this task only")),
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
        name="difficulty",
        summary="whether questions are as hard as their seeds",
        usage="RUN [sample=50] [KEY=VALUE ...]",
        takes="a run",
        least=1,
        most=1,
        arguments=(_RUN,),
        keys=(
            Option(
                name="sample",
                metavar="SEEDS",
                help="seeds of each task that are solved",
                default="50",
                counts=True,
            ),
        ),
        overrides=_KEPT,
        example="tsdg difficulty runs/demo sample=20",
    ),
    Command(
        name="diversity",
        summary="how varied its questions are, and how many would repeat others",
        usage="RUN [against=seeds|RUN2] [at=QUESTIONS] [sample=QUESTIONS] [--json]",
        takes="a run",
        least=1,
        most=1,
        arguments=(_RUN,),
        keys=(
            Option(name="against", metavar="RUN2", help="the other side", default="seeds"),
            Option(
                name="at",
                metavar="QUESTIONS",
                help="questions of the full run",
                default="what the run plans",
                counts=True,
            ),
            Option(
                name="sample",
                metavar="QUESTIONS",
                help="questions that are measured, about",
                default="200000",
                counts=True,
            ),
        ),
        flags=(JSON,),
        example="tsdg diversity runs/demo at=100000",
    ),
    Command(
        name="report",
        summary="report.html: funnel, shares, throughput, records to read",
        usage="RUN [RUN...] [sample=QUESTIONS]",
        takes="runs",
        least=1,
        most=_ANY,
        arguments=(Option(name="RUN", help="the run, and others whose totals stand beside it"),),
        keys=(_SAMPLE,),
        example="tsdg report runs/demo",
    ),
    Command(
        name="export",
        summary="a finished run in the form that another tool reads",
        usage="RUN --format FORMAT [out=FOLDER]",
        takes="a run and a format",
        least=1,
        most=1,
        arguments=(_RUN,),
        keys=(
            Option(name="out", metavar="FOLDER", help="where to", default="<RUN>-<FORMAT>"),
            Option(name="tokenizer", metavar="FOLDER", help="of the model, for megatron-bin"),
            Option(name="eod", metavar="TOKEN", help="end of document, where it is not known"),
        ),
        flags=(Option(name="--format", metavar="FORMAT", help="as which files", allowed=FORMATS),),
        example="tsdg export runs/demo --format hf out=data/demo",
    ),
    Command(
        name="merge",
        summary="the records of several runs as one, each question once",
        usage="RUN RUN... out=FOLDER",
        takes="two runs or more and a folder",
        least=2,
        most=_ANY,
        arguments=(Option(name="RUN", help="of equal questions the first run's stays"),),
        keys=(Option(name="out", metavar="FOLDER", help="where to; must be empty"),),
        example="tsdg merge runs/a runs/b out=merged",
    ),
    Command(
        name="mix",
        summary="weights, epochs and tokens per task, as trainers' blends",
        usage="RUN... budget=TOKENS [KEY=VALUE ...]",
        takes="run directories and values",
        least=1,
        most=_ANY,
        arguments=(_RUN,),
        overrides="keys of recipes/mix/default.yaml; config=FILE has more",
        example="tsdg mix runs/a runs/b budget=1000000 out=blend",
    ),
    Command(
        name="compare",
        summary="what changed between two evaluations; exit 1 on a breach",
        usage="BEFORE AFTER [rules={math: 0.5}] [--json]",
        takes="two result files or folders, of lm-eval, NeMo-Skills or NeMo Evaluator",
        least=2,
        most=2,
        arguments=(
            Option(name="BEFORE", help="results of the model before training"),
            Option(name="AFTER", help="and after it"),
        ),
        flags=(JSON,),
        overrides="keys of recipes/compare/default.yaml; config=FILE has more",
        example="tsdg compare before/ after/ 'rules={math: 0.5}'",
    ),
    Command(
        name="eval",
        summary="the lm-eval commands that measure it, printed or submitted",
        usage="MODEL [cluster=C] [only=[math,code]] [KEY=VALUE ...] [--dry-run]",
        takes="a model",
        least=1,
        most=1,
        arguments=(Option(name="MODEL", help="a path, or a name on the hub"),),
        flags=(_DRY_RUN,),
        overrides="keys of recipes/eval/default.yaml; config=FILE has more",
        example="tsdg eval checkpoints/step_1000 cluster=dev",
    ),
    *SEEDS_COMMANDS,
)

COMMANDS = {command.name: command for command in _ALL}


def overview() -> str:
    """What `tsdg --help` prints."""
    width = max(len(command.name) for command in _ALL) + 2
    lines = [f"  {command.name.ljust(width)}{command.summary}" for command in _ALL]
    return "\n".join([_HEAD, *lines, _FOOT])


_HEAD = """\
tsdg: new, verified, answer-enriched questions from the training splits of public benchmark tasks

usage: tsdg COMMAND ...      `tsdg COMMAND --help` has its arguments, keys and an example
"""
_FOOT = """
Recipes are files of recipes/recipe; `tsdg run recipe=R --cfg job --resolve` prints a whole one,
`tsdg --version` the version.
"""
EXIT_CODES = (
    "Exit codes: 0 done, 1 work fell short, 2 request wrong, 3 machine not fit, 130 interrupted."
)
