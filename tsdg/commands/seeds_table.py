"""The parts of ``tsdg seeds``."""

from __future__ import annotations

from tsdg.commands.options import CONFIG_DIR, JSON, RECIPE
from tsdg.commands.words import Command, Option

_MIRROR = Option(name="seeds.mirror", metavar="FOLDER", help="the mirror", default="$TSDG_MIRROR")

SEEDS_COMMANDS = (
    Command(
        name="seeds list",
        summary="list the catalogue of seeds",
        usage="[seeds.mirror=FOLDER] [--json]",
        takes="no arguments",
        least=0,
        most=0,
        keys=(_MIRROR,),
        flags=(CONFIG_DIR, JSON),
        module="seeds",
        function="list_families",
        example="tsdg seeds list",
    ),
    Command(
        name="seeds show",
        summary="show one family with real rows",
        usage="NAME [seeds.mirror=FOLDER]",
        takes="the name of a family, task or data set",
        least=1,
        most=1,
        arguments=(Option(name="NAME", help="a family, task or data set", kind="family"),),
        keys=(_MIRROR,),
        flags=(CONFIG_DIR,),
        module="seeds",
        function="show",
        example="tsdg seeds show gsm8k",
    ),
    Command(
        name="seeds check",
        summary="say whether the guard allows a name; exit 1 if it does not",
        usage="NAME [--json]",
        takes="a name",
        least=1,
        most=1,
        arguments=(
            Option(
                name="NAME", help="of a family, task or data set; any name will do", kind="family"
            ),
        ),
        flags=(CONFIG_DIR, JSON),
        module="seeds",
        function="check",
        example="tsdg seeds check openai/gsm8k",
    ),
    Command(
        name="seeds probe",
        summary="compare the hub's data sets with the catalogue; fetch none",
        usage="recipe=R [KEY=VALUE ...] [out=FILE]",
        takes="a recipe",
        least=0,
        most=0,
        keys=(
            Option(
                name="out",
                metavar="FILE",
                help="the table of differences, as CSV",
                default="seeds-differences.csv",
            ),
        ),
        flags=(CONFIG_DIR, JSON),
        named=(RECIPE,),
        overrides="keys of the recipe; HF_ENDPOINT names another hub, HF_TOKEN an account",
        module="seeds",
        function="probe",
        example="tsdg seeds probe recipe=nemotron",
    ),
    Command(
        name="seeds prefetch",
        summary="fetch what the seeds need into the mirror; can be resumed",
        usage="recipe=R [KEY=VALUE ...] [--dry-run]",
        takes="a recipe",
        least=0,
        most=0,
        flags=(
            Option(
                name="--held-out",
                metavar="same|all",
                help="splits to compare with: of the same data sets, or all of lm-eval's",
                default="same",
                allowed=("same", "all"),
            ),
            Option(name="--dry-run", help="list what is there and what is missing"),
            Option(name="--update", help="move the data sets to the hub's present commits"),
            Option(name="--verify", help="read every file, not only its size and time"),
            CONFIG_DIR,
            JSON,
        ),
        named=(RECIPE,),
        overrides="keys of the recipe; HF_ENDPOINT names another hub, HF_TOKEN an account",
        module="seeds",
        function="prefetch",
        example="tsdg seeds prefetch recipe=demo seeds.mirror=mirror",
    ),
)
