"""A Slurm of three commands that keeps its jobs in files, and fails at a call that a test names.

It does what the real commands do as far as a launch can see it: `sbatch` takes a script and prints
a number, `squeue` lists jobs (those of `$SMALL_SLURM_USER` with `--me`), `scancel` ends them. Each
call has a number, from 1 on.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

_HEAD = r"""#!/bin/sh
lab=@LAB@
name=${0##*/}
echo "$name $*" >>$lab/calls
call=$(wc -l <$lab/calls)
fault=
while read -r at kind; do [ "$at" != "$call" ] || fault=$kind; done <$lab/faults
fail() { echo "$name: error: $*" >&2; exit 1; }
case $fault in
    refused) fail Batch job submission failed: Invalid qos specification ;;
    down) fail "Unable to contact slurm controller (connect failure)" ;;
    killed-before) kill -9 $PPID; exit 1 ;;
esac
"""
_TAIL = r"""
case $fault in
    late) fail Socket timed out on send/recv operation ;;
    killed-after) kill -9 $PPID; exit 1 ;;
esac
"""
_COMMANDS = {
    "sbatch": _HEAD
    + r"""
for script; do :; done
number=$(($(ls $lab/jobs | wc -l) + 100))
flag() { sed -n "s/^#SBATCH --$1=//p" "$script" | tr -d "'"; }
element=N/A
[ -z "$(flag array)" ] || element=0
echo "$number|PENDING|$(flag comment)|$script" >$lab/jobs/$number
echo "${SMALL_SLURM_USER:-me} $(flag job-name)" >$lab/whose/$number
echo "$number|$element|PENDING||None|$(flag job-name)" >$lab/elements/$number
"""
    + _TAIL
    + r"""
[ "$fault" != banner ] || echo "*** Welcome 2026; rm -rf / ***"
[ "$fault" != silent ] || exit 0
[ "$fault" != clustered ] || number="$number;alpha"
echo "$number"
[ "$fault" != printed ] || fail "I/O error writing script/environment to file"
[ "$fault" != banner ] || echo "see https://site.example/4711"
""",
    "squeue": _HEAD
    + r"""
[ "$fault" != warned ] || echo "squeue: warning: 3 nodes | are down || see http://site.example"
case $* in *%K*) what=elements ;; *) what=jobs ;; esac
for job in $(ls $lab/$what); do
    read -r owner name <$lab/whose/$job
    case $* in
        *--me*) [ "$owner" = "${SMALL_SLURM_USER:-me}" ] || continue ;;
        *--name=*) case $* in *[=,]$name[,\ ]*) ;; *) continue ;; esac ;;
    esac
    cat $lab/$what/$job
done 2>/dev/null
"""
    + _TAIL,
    "scancel": _HEAD
    + r"""
for number; do
    read -r owner name <$lab/whose/$number
    [ "$owner" = "${SMALL_SLURM_USER:-me}" ] ||
        fail "Kill job error on job id $number: Access/permission denied"
    sed -i 's/|PENDING|/|CANCELLED|/' $lab/jobs/$number $lab/elements/$number
done
"""
    + _TAIL,
    "sacct": "#!/bin/sh\n",
    "scontrol": "#!/bin/sh\necho 'MaxArraySize            = 1001'\n",
    "sinfo": "#!/bin/sh\n",
}


@dataclass(frozen=True)
class SmallSlurm:
    """The stand-in in a folder; ``bin`` holds its commands."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> SmallSlurm:
        lab = cls(folder)
        (folder / "bin").mkdir(parents=True)
        for name, text in _COMMANDS.items():
            path = folder / "bin" / name
            path.write_text(text.replace("@LAB@", str(folder)))
            path.chmod(0o755)
        lab.empty()
        return lab

    def empty(self) -> None:
        """Forget all jobs and faults."""
        for name in ("jobs", "elements", "whose"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir()
        self.fail()

    def fail(self, *faults: tuple[int, str]) -> None:
        """Say at which calls what happens, and count calls anew."""
        (self.folder / "faults").write_text("".join(f"{at} {kind}\n" for at, kind in faults))
        (self.folder / "calls").write_text("")

    def calls(self) -> list[str]:
        """The commands that were called, by name, with their arguments."""
        return (self.folder / "calls").read_text().splitlines()

    def active(self) -> set[str]:
        """Numbers of the jobs that are pending."""
        jobs = (path.read_text().split("|") for path in (self.folder / "jobs").iterdir())
        return {job[0] for job in jobs if job[1] == "PENDING"}

    def all(self) -> set[str]:
        """Numbers of all jobs that there ever were."""
        return {path.name for path in (self.folder / "jobs").iterdir()}
