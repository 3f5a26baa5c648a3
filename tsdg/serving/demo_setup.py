"""What the demo needs beside an installed wheel: vLLM's CPU build and the demo's model.

    python -m tsdg.serving.demo_setup [FOLDER] [--python PYTHON]

makes the serving environment in ``FOLDER`` (``.venv-server``, where ``recipe=demo`` looks for it),
as ``make server-env model`` does in a source tree. It needs Linux on x86-64, 2 GB and minutes; what
is there already is not made again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tsdg.installation import packaged

_MAKE_MODEL = """
import runpy, sys
sys.path.append(sys.argv.pop(1))  # last: tsdg comes from there, all else from this environment
runpy.run_module("tsdg.serving.demo_model", run_name="__main__")
"""


def main(arguments: list[str]) -> int:
    """Set up both, and return the exit code of what failed, or 0."""
    parser = argparse.ArgumentParser(prog="python -m tsdg.serving.demo_setup")
    parser.add_argument("folder", nargs="?", default=".venv-server", help="where it is made")
    parser.add_argument("--python", default=sys.executable, help="Python 3.11 or later for it")
    chosen = parser.parse_args(arguments)
    folder = Path(chosen.folder).absolute()
    root = Path(__file__).resolve().parents[2]
    steps: list[list[str | Path]] = [
        ["bash", packaged("requirements") / "install.sh", "server", folder, chosen.python],
        [folder / "bin" / "python", "-P", "-c", _MAKE_MODEL, root],
    ]
    for step in steps:
        if code := subprocess.run(step, check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
