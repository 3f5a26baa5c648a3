"""One tiny job that looks at folders, paths, Python and endpoints from nodes."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tsdg.errors import MachineError
from tsdg.launch import endpoint_probe
from tsdg.launch.check import Check, Verdict, Wanted
from tsdg.launch.folder_probe import MARKS
from tsdg.launch.mounts import python_folders
from tsdg.launch.ship import pack_code
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.slurm_shell import Shell

_NODE_WAIT_S = 60
_TWO_WAIT_S = 20
_OF_NODES = ("constraint", "exclude", "licenses", "mem", "nodelist", "reservation", "wckey")
"""Flags without which a site may give a job no node."""
_SUNDRY = "pyarrow, aiohttp, orjson, pydantic, omegaconf"
_TASK = re.compile(r"^\s*(\d+): ?(.*)$")
_OF_FOLDER = "'s file system"
_NODE_SCRIPT = """
python=$1; folders=$2; token=$3; endpoints=$4; probe=$5; code=$6; shift 6
own=$(mktemp -d "${TMPDIR:-/tmp}/tsdg-doctor-XXXXXX") && tar -xzf "$code" -C "$own"
PYTHONPATH=$own "$python" -P -m tsdg.launch.folder_probe "$token" "$folders" "$@" 2>/dev/null
rm -rf "$own"
i=0; while [ "$i" -lt "$folders" ]; do
    if [ "$(cat "$1/.tsdg-doctor-$token" 2>/dev/null)" = "$token" ]
    then echo "sees $1"; else echo "lacks $1"; fi
    shift; i=$((i + 1))
done
for path; do if [ -r "$path" ]; then echo "sees $path"; else echo "lacks $path"; fi; done
"$python" -c '
import os, sys
assert sys.version_info >= (3, 11), "older than 3.11"
import SUNDRY
print("python %d.%d.%d on %s" % (*sys.version_info[:3], os.uname().machine))' 2>&1 | tail -n 1
[ -z "$endpoints" ] || "$python" -c "$probe" "$endpoints" 2>&1
echo "end of $(hostname)"
""".replace("SUNDRY", _SUNDRY)


def look_from_node(cluster: ClusterConfig, shell: Shell, wanted: Wanted) -> list[Check]:
    """Run one tiny job that checks folders, paths, imports and endpoints as seen from nodes.

    It runs on two nodes where two are free. Each reads a fresh file from each folder, tries what a
    run does in it, and waits for what the other one writes.
    """
    token = secrets.token_hex(8)
    files = [f"{folder}/.tsdg-doctor-{token}" for folder in wanted.folders]
    code = f"{files[0]}.tar.gz"
    left = [code, *(file + end for file in files for end in ("", *MARKS))]
    write = 'token=$1; shift; for file; do printf %s "$token" >"$file" || exit 1; done'
    asked = json.dumps([dict(each) for each in wanted.endpoints]) if wanted.endpoints else ""
    probe = Path(endpoint_probe.__file__).read_text()
    words = [wanted.python, str(len(files)), token, asked, probe, code]
    command = ["sh", "-c", _NODE_SCRIPT, "sh", *words, *wanted.folders, *wanted.readable]
    try:
        shell.run(["sh", "-c", write, "sh", token, *files])
        shell.run(["sh", "-c", 'cat >"$1"', "sh", code], data=pack_code())
        said = _run_there(cluster, shell, wanted, command)
    except MachineError as error:
        busy = "Unable to allocate resources" in str(error) and "Invalid" not in str(error)
        next_step = f"no node was free within {_NODE_WAIT_S} s" if busy else str(error)
        return [Check(name="a node", verdict="not checked" if busy else "FAILED", said=next_step)]
    finally:
        shell.run(["rm", "-f", *left])
    return read_node(said, python=wanted.python)


def _run_there(cluster: ClusterConfig, shell: Shell, wanted: Wanted, command: Sequence[str]) -> str:
    """Run a command on two nodes, or on one where two are not to be had.

    Raises:
        MachineError: on none.
    """
    with contextlib.suppress(MachineError):
        both = _srun(cluster, wanted, nodes=2, wait_s=_TWO_WAIT_S)
        return shell.run([*both, *command], timeout_s=_TWO_WAIT_S + _NODE_WAIT_S)
    one = _srun(cluster, wanted, nodes=1, wait_s=_NODE_WAIT_S)
    return shell.run([*one, *command], timeout_s=2.0 * _NODE_WAIT_S)


def _srun(cluster: ClusterConfig, wanted: Wanted, *, nodes: int, wait_s: int) -> list[str]:
    image = cluster.image_of(gpus=False) or cluster.image_of(gpus=True)
    flags = {
        "account": cluster.account,
        "partition": cluster.partition_of(gpus=False),
        "qos": cluster.tsdg.cpu_qos,
    }
    own = {name.replace("_", "-"): value for name, value in cluster.tsdg.cpu_sbatch.items()}
    flags |= {name: str(own[name]) for name in _OF_NODES if name in own}
    words = [
        "srun",
        "--quiet",
        "--export=ALL",
        f"--nodes={nodes}",
        "--ntasks-per-node=1",
        "--label",
        "--time=2",
        f"--immediate={wait_s}",
        "--job-name=tsdg-doctor",
        *(f"--{flag}={value}" for flag, value in flags.items() if value),
    ]
    return [*words, *(_container(cluster, image, wanted) if image else ()), *cluster.tsdg.srun]


def _container(cluster: ClusterConfig, image: str, wanted: Wanted) -> list[str]:
    places = [*wanted.folders, *wanted.readable, *python_folders(wanted.python)]
    own = [
        f"{place}:{place}"
        for place in places
        if place.startswith("/") and not _covered(place, cluster.mounts)
    ]
    mounts = ",".join([*cluster.mounts, *own])
    return [f"--container-image={image}", f"--container-mounts={mounts}"]


def _covered(path: str, mounts: Sequence[str]) -> bool:
    return any(f"{path}/".startswith(f"{mount.split(':')[1]}/") for mount in mounts)


def read_node(said: str, *, python: str) -> list[Check]:
    """Read what the tiny job printed. Pure.

    Args:
        said: its output, each line after the number of its task.
        python: that it was asked to start.

    Returns:
        All checks of the first node; of the second one what its folders' file systems can do, and
        what fails there alone.
    """
    tasks: dict[str, list[str]] = {}
    for line in said.splitlines():
        match = _TASK.match(line)
        number, text = (match[1], match[2].strip()) if match else ("", line.strip())
        if text:
            tasks.setdefault(number, []).append(text)
    first, *others = [_of_node(tasks.get(number, []), python) for number in sorted(tasks) or [""]]
    known = {(_thing(check), check.verdict) for check in first}
    return first + [
        check
        for check in chain.from_iterable(others)
        if check.name.endswith(_OF_FOLDER)
        or (check.verdict == "FAILED" and (_thing(check), "FAILED") not in known)
    ]


def _thing(check: Check) -> str:
    """What a check is of, without the node that looked."""
    return check.name.partition(" ")[2]


def _of_node(lines: Sequence[str], python: str) -> list[Check]:
    ends = [line.removeprefix("end of ") for line in lines if line.startswith("end of ")]
    if not ends:
        why = " ".join(lines)[:200] or "silent"
        return [Check(name="a node", verdict="FAILED", said=f"the job ended early: {why}")]
    return [
        *_seen(lines, ends[0]),
        *_folders(lines, ends[0]),
        _python(lines, f"{ends[0]}: {python}"),
        *_endpoints(lines, ends[0]),
    ]


def _folders(lines: Sequence[str], node: str) -> list[Check]:
    """What the file systems of folders can do."""
    checks = []
    for line in lines:
        if line.startswith("folder "):
            found = json.loads(line.removeprefix("folder "))
            name = f"{node}: {found['folder']}{_OF_FOLDER}"
            checks.append(Check(name=name, verdict=_verdict(found), said=_able(found)))
    return checks


def _verdict(found: Mapping[str, Any]) -> Verdict:
    return "FAILED" if found["lacks"] or found["late"] else "ok"


def _able(found: Mapping[str, Any]) -> str:
    """What of a folder's file system is missing, or done in another way."""
    if found["lacks"]:
        return f"cannot do without {found['lacks']}; choose a folder on another file system"
    if found["late"]:
        return f"what another node writes is not listed within {found['late']} s; choose another"
    other = f" (no {found['other']}: done in another way)" if found["other"] else ""
    met = ", and nodes see one another's files" if found["met"] else ""
    return f"can do what a run needs{other}{met}"


def _endpoints(lines: Sequence[str], node: str) -> list[Check]:
    """What endpoints answer to a node."""
    checks = []
    for line in lines:
        word, verdict, url, said = [*line.split(maxsplit=3), "", "", "", ""][:4]
        if word == "endpoint" and verdict in ("ok", "FAILED"):
            right: Verdict = "ok" if verdict == "ok" else "FAILED"
            checks.append(Check(name=f"{node}: endpoint {url}", verdict=right, said=said))
    return checks


def _seen(lines: Sequence[str], node: str) -> list[Check]:
    """Which folders a node sees."""
    checks = []
    for line in lines:
        word, _, path = line.partition(" ")
        if word == "sees":
            checks.append(Check(name=f"{node} sees {path}", verdict="ok", said="read there"))
        elif word == "lacks":
            said = (
                "is not there, or not shared, or not mounted; "
                "use a shared file system, or add it to mounts"
            )
            checks.append(Check(name=f"{node} sees {path}", verdict="FAILED", said=said))
    return checks


def _python(lines: Sequence[str], name: str) -> Check:
    """Whether Python starts on a node and has what tsdg imports."""
    for line in lines:
        if line.startswith("python "):
            return Check(name=name, verdict="ok", said=f"{line}, with what tsdg imports")
    known = {"sees", "lacks", "python", "end", "endpoint", "folder"}
    other = [line for line in lines if line.partition(" ")[0] not in known]
    why = " ".join(other)[:200] or "does not start"
    said = f"{why}; install tsdg there, or set tsdg.python in the cluster file"
    return Check(name=name, verdict="FAILED", said=said)
