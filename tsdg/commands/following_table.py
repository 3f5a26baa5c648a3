"""The commands that find a run and follow it while it goes on."""

from __future__ import annotations

from tsdg.commands.options import JSON, RUN
from tsdg.commands.words import Command, Option

FOLLOWING_COMMANDS = (
    Command(
        name="list",
        summary="list the runs below a folder",
        usage="[ROOT] [--json]",
        takes="one folder of runs at most",
        least=0,
        most=1,
        arguments=(
            Option(name="ROOT", help="a folder of runs", default="$TSDG_OUTPUT_ROOT, else runs"),
        ),
        flags=(JSON,),
        example="tsdg list runs",
    ),
    Command(
        name="status",
        summary="show what is pending, running, done, failed; pace, time left",
        usage="RUN [--json] [--watch]",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(RUN,),
        flags=(
            JSON,
            Option(
                name="--watch",
                help="go on until nothing is pending or running; a pipe gets the changes",
            ),
        ),
        example="tsdg status runs/demo --watch",
    ),
    Command(
        name="watch",
        summary="follow a run live: pace, losses, time left, newest record",
        usage="RUN [--once]",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(RUN,),
        flags=(Option(name="--once", help="print it once and end, as into a pipe"),),
        example="tsdg watch runs/demo",
    ),
    Command(
        name="logs",
        summary="print the log that says most about a stage, or list all logs",
        usage="RUN [STAGE] [ELEMENT] [-f]",
        takes="a run, and at most a stage and an element",
        least=1,
        most=3,
        arguments=(
            RUN,
            Option(
                name="STAGE",
                help="a stage, a job, the path of a log, or server",
                kind="stage",
            ),
            Option(name="ELEMENT", help="of an array: its index, or Slurm's number"),
        ),
        flags=(Option(name="-f", help="follow the log as it grows"),),
        example="tsdg logs runs/demo questions -f",
    ),
    Command(
        name="cancel",
        summary="end all jobs of a run, for good; what was done is kept",
        usage="RUN",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(RUN,),
        example="tsdg cancel runs/demo",
    ),
)
