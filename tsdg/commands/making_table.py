"""The commands that make a run, or what is left of it."""

from __future__ import annotations

from tsdg.commands.options import CLUSTER, DRY_RUN, JSON, KEPT, OF_HYDRA, RECIPE, RUN, SCRIPTS
from tsdg.commands.words import Command, Option

_RECIPE = "any key that `tsdg keys` lists, or a group listed below"

MAKING_COMMANDS = (
    Command(
        name="run",
        instead=(Option(name="--dry-run", help="`tsdg plan` says what it would do"),),
        summary="do all stages on this machine, or what is left of them",
        usage="recipe=R [KEY=VALUE ...]",
        takes="a recipe",
        least=-1,
        most=0,
        overrides=_RECIPE,
        named=(RECIPE,),
        passed_on=OF_HYDRA,
        example="tsdg run recipe=demo seeds.cap_per_task=5",
    ),
    Command(
        name="plan",
        instead=(Option(name="--dry-run", help="a plan does nothing as it is"),),
        summary="say what a run would do, ask for and cost; changes nothing",
        usage="recipe=R [KEY=VALUE ...] [from=RUN] [--json]",
        takes="a recipe",
        least=-1,
        most=0,
        keys=(
            Option(
                name="from",
                metavar="RUN",
                help="say also how many questions like this run's would repeat",
                kind="run",
            ),
        ),
        flags=(JSON,),
        overrides=_RECIPE,
        named=(RECIPE,),
        passed_on=OF_HYDRA,
        example="tsdg plan recipe=demo --json",
    ),
    Command(
        name="launch",
        summary="submit all stages, or what is left of them, to a cluster",
        usage="recipe=R cluster=C [KEY=VALUE ...] [--dry-run|--scripts]",
        takes="a recipe and a cluster",
        least=-1,
        most=0,
        flags=(DRY_RUN, SCRIPTS),
        overrides=_RECIPE,
        named=(RECIPE, CLUSTER),
        passed_on=OF_HYDRA,
        example="tsdg launch recipe=demo cluster=dev --dry-run",
    ),
    Command(
        name="work",
        summary="do one stage of a run; several processes may share a phase",
        usage="RUN STAGE [KEY=VALUE ...]",
        takes="a run directory and a stage",
        least=2,
        most=2,
        arguments=(
            RUN,
            Option(name="STAGE", help="as `tsdg status` names it, or all", kind="stage"),
        ),
        flags=(
            Option(
                name="--launched",
                help="as jobs call it: by the launch's recipe; ends once others do the rest",
            ),
        ),
        overrides=KEPT,
        example="tsdg work runs/demo questions",
    ),
    Command(
        name="resume",
        summary="continue a run: as jobs if it was launched, else here",
        usage="RUN [KEY=VALUE ...] [--dry-run|--scripts]",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(RUN,),
        flags=(DRY_RUN, SCRIPTS),
        overrides=KEPT,
        example="tsdg resume runs/demo launch.elements=4",
    ),
    Command(
        name="retry",
        summary="ask again for rows that were lost because no server answered",
        usage="RUN [reason=R,...]",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(RUN,),
        keys=(
            Option(
                name="reason",
                metavar="R,...",
                help="of rejected rows: request_failed, step_failed",
                default="request_failed",
            ),
        ),
        example="tsdg retry runs/demo",
    ),
    Command(
        name="topup",
        summary="add further runs to a run until its targets are met",
        usage="RUN records.TASK=N|records=N [out=FOLDER]",
        takes="a run directory and targets",
        least=1,
        most=1,
        arguments=(RUN,),
        keys=(
            Option(
                name="out",
                metavar="FOLDER",
                help="for all records together",
                default="<RUN>-topped-up",
            ),
            Option(
                name="least_yield",
                metavar="SHARE",
                help="of questions; a task below it is given up",
                default="0.1",
            ),
            Option(
                name="rounds", metavar="N", help="further runs at most", default="5", counts=True
            ),
        ),
        overrides="records.TASK=N, records=N; without any, the recipe's targets",
        example="tsdg topup runs/demo records.demo_science=40",
    ),
    Command(
        name="replay",
        summary="do a run again from its snapshot, in a new directory",
        usage="RUN [KEY=VALUE ...] [--dry-run|--scripts]",
        takes="one run directory",
        least=1,
        most=1,
        arguments=(RUN,),
        flags=(DRY_RUN, SCRIPTS),
        overrides=KEPT,
        named=(Option(name="run", metavar="NAME", help="name of the new run directory"),),
        example="tsdg replay runs/demo run=again",
    ),
)
