"""Where tsdg's own files lie, in a source tree and in an installed wheel, and how it says so.

Imports nothing slow: the help and completion need it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tsdg import cache

_PACKAGE = Path(__file__).resolve().parent


def packaged(folder: str) -> Path:
    """A folder of the source tree, e.g. ``recipes``, or where an installed wheel has it."""
    inside = _PACKAGE / f"_{folder}"
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def from_wheel() -> bool:
    """Whether tsdg runs from an installed wheel, where there is no ``make``."""
    return packaged("requirements").parent == _PACKAGE


def demo_setup(target: str) -> str:
    """The command that sets up what the demo needs.

    Args:
        target: of ``make``; a wheel has one command for all of it.
    """
    return f"{sys.executable} -m tsdg.serving.demo_setup" if from_wheel() else f"make {target}"


def lacks_demo_model(path: Path) -> str:
    """What to do where the demo's model is not there; empty for a model of somebody else."""
    if path.parent != cache.root(os.environ) / "models":
        return ""
    return f"the demo's model is not there; run `{demo_setup('model')}`"
