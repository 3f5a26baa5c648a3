"""Options that several commands have."""

from __future__ import annotations

from tsdg.commands.words import Option

JSON = Option(name="--json", help="print JSON")
CONFIG_DIR = Option(
    name="--config-dir", metavar="FOLDER", help="a folder with families of your own"
)
