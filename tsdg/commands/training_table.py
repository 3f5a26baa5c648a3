"""The commands that lead from finished runs to a trained and measured model."""

from __future__ import annotations

from tsdg.commands.options import CONFIG, DRY_RUN, JSON, RUN
from tsdg.commands.words import Command, Option

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

TRAINING_COMMANDS = (
    Command(
        name="export",
        summary="write a finished run in the form that another tool reads",
        usage="RUN --format FORMAT [out=FOLDER]",
        takes="a run and a format",
        least=1,
        most=1,
        arguments=(RUN,),
        keys=(
            Option(name="out", metavar="FOLDER", help="where to", default="<RUN>-<FORMAT>"),
            Option(
                name="tokenizer",
                metavar="FOLDER",
                help="with the model's tokenizer, for megatron-bin",
            ),
            Option(
                name="eod",
                metavar="TOKEN",
                help="the end of a document, where the tokenizer does not say",
            ),
        ),
        flags=(Option(name="--format", metavar="FORMAT", help="which form", allowed=FORMATS),),
        example="tsdg export runs/demo --format hf out=data/demo",
    ),
    Command(
        name="merge",
        summary="join the records of several runs, each question once",
        usage="RUN RUN... out=FOLDER",
        takes="two runs or more and a folder",
        least=2,
        most=_ANY,
        arguments=(
            Option(
                name="RUN", help="a run; of equal questions the first run's is kept", kind="run"
            ),
        ),
        keys=(Option(name="out", metavar="FOLDER", help="a folder that is new or empty"),),
        example="tsdg merge runs/a runs/b out=merged",
    ),
    Command(
        name="mix",
        summary="write a training mixture: weights, epochs, tokens by task",
        usage="RUN... budget=TOKENS [KEY=VALUE ...]",
        takes="run directories and values",
        least=1,
        most=_ANY,
        arguments=(RUN,),
        config="mix",
        named=(CONFIG,),
        example="tsdg mix runs/a runs/b budget=10B out=blend",
    ),
    Command(
        name="eval",
        summary="print or submit the lm-eval commands that measure a model",
        usage="MODEL [cluster=C] [only=[math,code]] [KEY=VALUE ...] [--dry-run]",
        takes="a model",
        least=1,
        most=1,
        arguments=(Option(name="MODEL", help="a path, or a name on the hub"),),
        flags=(DRY_RUN,),
        config="eval",
        named=(CONFIG,),
        example="tsdg eval checkpoints/step_1000 cluster=dev",
    ),
    Command(
        name="compare",
        summary="say what changed between two evaluations; exit 1 on a breach",
        usage="BEFORE AFTER [rules={math: 0.5}] [--json]",
        takes="two result files or folders, of lm-eval, NeMo-Skills or NeMo Evaluator",
        least=2,
        most=2,
        arguments=(
            Option(name="BEFORE", help="results of the model before training"),
            Option(name="AFTER", help="results of the model after it"),
        ),
        flags=(JSON,),
        config="compare",
        named=(CONFIG,),
        example="tsdg compare before/ after/ 'rules={math: 0.5}'",
    ),
)
