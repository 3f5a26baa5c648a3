"""A failing write at every call of every command that writes.

Each call that writes below a folder, with the run, the output, the cache and the scratch files in
it, is failed in turn, or the process is killed in it with half of the bytes written:
``failing_writes.c``, by LD_PRELOAD. Whatever fails, the command says so in one line with a path,
nothing half-made stands under a final name, nothing stays behind, and the same command afterwards
gives the bytes that it would have given undisturbed.

Here one call of each command is drawn. By hand, ``CHAOS_WRITES=50`` takes so many of each command;
``sites`` one call of each site (a function and a path but for its numbers), once with an error and
once killed; ``all`` every call with every error.
"""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from tests.chaos.lab import wait_for
from tests.e2e import oracle
from tests.e2e.conftest import Endpoint
from tests.forks import Forks, Zygote
from tests.launch.small_slurm import SmallSlurm
from tests.package.make_run import make_run
from tests.package.words import save_tokenizer
from tests.seeds.hub_server import HubServer
from tests.seeds.test_prefetch import GSM8K, gsm8k
from tsdg.commands.training_table import FORMATS
from tsdg.layout import JOBS, SAMPLES, SOLUTIONS, rejected
from tsdg.scratch import scratch_folder
from tsdg.serving.demo_model import models_dir
from tsdg.slurm.jobs import read_jobs

ASKED = os.environ.get("CHAOS_WRITES", "1")
ALL, SITES = ASKED == "all", ASKED == "sites"
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, 0)
"""0: the process is killed."""
RUN = (
    "run",
    "recipe=demo",
    "run=made",
    "output_root={out}",
    "phases=[[questions],[answers]]",
    "seeds.cap_per_task=2",
    "seeds.tasks=[demo_science,demo_facts]",
    "server=openai",
    "server.base_urls=[{url}/v1]",
    "engine.unit_rows=2",
    "package.rows_per_file=4",
)
GSM8K_ONLY = ("recipe=demo", "seeds.tasks=[gsm8k]", "seeds.mirror={out}/m")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command, and what it finds there."""

    words: tuple[str, ...]
    given: str = "runs"
    """``runs``: two small finished runs; ``finished``: one of the pipeline; ``lossy``: one with
    rows that no server answered; ``ungathered``: one whose last tables are gone;
    ``nothing``."""
    made: str = "made"
    """What must not be there before it is whole."""
    code: int = 0
    """The exit code where nothing fails."""
    first: tuple[str, ...] = ()
    """What is done after a kill, before the same command."""


def _export(form: str) -> Case:
    more = ("tokenizer={out}/tokenizer", "eod=<unk>") if form == "megatron-bin" else ()
    return Case(words=("export", "{out}/a", "--format", form, "out={out}/made", *more))


CASES = {
    **{f"export {form}": _export(form) for form in FORMATS},
    "merge": Case(words=("merge", "{out}/a", "{out}/b", "out={out}/made")),
    "mix": Case(words=("mix", "{out}/a", "{out}/b", "budget=1000", "out={out}/made")),
    "report": Case(words=("report", "{out}/a"), made=""),
    "run": Case(words=RUN, given="nothing", made=""),
    "diversity": Case(words=("diversity", "{out}/made", "at=1000"), given="finished", made=""),
    "difficulty": Case(words=("difficulty", "{out}/made", "sample=2"), given="finished", made=""),
    "replay": Case(words=("replay", "{out}/made", "run=again"), given="finished", made=""),
    "topup": Case(
        words=("topup", "{out}/made", "records=4"), given="finished", made="made-topped-up"
    ),
    "retry": Case(words=("retry", "{out}/made"), given="lossy", made=""),
    "resume": Case(words=("resume", "{out}/made"), given="ungathered", made=""),
    "work": Case(words=("work", "{out}/made", "answers.gather"), given="ungathered", made=""),
    "seeds prefetch": Case(
        words=("seeds", "prefetch", *GSM8K_ONLY),
        given="nothing",
        made="",
    ),
    "seeds probe": Case(
        words=("seeds", "probe", *GSM8K_ONLY, "out={out}/made.csv"),
        given="nothing",
        made="made.csv",
        code=1,
    ),
    "launch": Case(
        words=("launch", *RUN[1:], "cluster={out}/c.yaml", "launch.canary=0"),
        given="cluster",
        made="",
        first=("cancel", "{out}/made"),
    ),
}
NUMBERS = re.compile(
    r"[0-9a-f]{8,}|\d+|(?<=partial\.)\w+|(?<=/)[a-z0-9_]{8}(?=/|$)|(?<=tsdg-)[\w.-]+"
)
"""What differs between the paths of one site: numbers, hashes, and names drawn by chance."""
REMOVES = {"unlink", "unlinkat", "rmdir"}
BY_HAND = {"replay", "topup", "resume", "work"}
"""They do what ``run`` does, in one process: left to those who ask for more than one call."""
VOLATILE = re.compile(
    r"(^|/)(manifest\.json|README\.md|report\.html|launches\.jsonl|\.lock|jobs\.json"
    r"|versions\.json|merged/\d+\.json|\w+\.source\.json)$"
)
"""Files that hold times, or what other machines would say otherwise: that they are there counts."""
PASSING = re.compile(
    r"^(cache|tmp|jobs)(/|$)|(^|/)(leases|logs|workers|scripts)(/|$)|(^|/)\.launching\."
)
"""What is not part of a result; another process removes the last when a launch was killed."""


@dataclass(frozen=True)
class Site:
    """One call that writes."""

    number: int
    call: str
    path: str


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim, compiled; skipped where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    made = tmp_path_factory.mktemp("shim") / "failing_writes.so"
    source = Path(__file__).with_name("failing_writes.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", source, "-o", made, "-ldl"], check=True)
    return made


class Lab:
    """A folder in which commands run, each in a fork of a process that the shim is loaded into."""

    def __init__(self, shim: Path, folder: Path) -> None:
        self.out = folder / "out"
        self.given = folder / "given"
        (folder / "said").mkdir()
        (self.out / "tmp").mkdir(parents=True)  # else Python would choose another place
        self.slurm = SmallSlurm.at(folder / "slurm")
        self.hub = HubServer()
        self.hub.add(GSM8K, gsm8k())
        settings = {
            "LD_PRELOAD": str(shim),
            "TMPDIR": str(self.out / "tmp"),
            "TSDG_CACHE": str(self.out / "cache"),
            "HF_ENDPOINT": self.hub.url,
            "FAIL_BELOW": str(self.out),
            "PATH": f"{self.slurm.folder / 'bin'}:{os.environ['PATH']}",
        }
        prefix = ("env", *(f"{k}={v}" for k, v in settings.items()))
        self._forks = Forks(*prefix, preload=["tsdg.launch.nemorun"])
        self.zygote = Zygote(self._forks, folder / "said")
        port = folder / "port"
        command = [sys.executable, oracle.__file__, str(port), "0", "127.0.0.1", ""]
        self._oracle = subprocess.Popen(command)
        wait_for(port.exists, "the endpoint")
        self.endpoint = Endpoint(f"http://127.0.0.1:{port.read_text()}")

    def close(self) -> None:
        self._forks.close()
        self.hub.close()
        self._oracle.kill()
        self._oracle.wait()

    def prepare(self, given: str) -> None:
        """Make a run that cases find there, once."""
        if (self.given / given).exists():
            return
        if given == "ungathered":
            self.prepare("finished")
            shutil.copytree(self.given / "finished", self.given / given, symlinks=True)
            made = self.given / given / "made"
            shutil.rmtree(made / "dataset")
            tables = (SAMPLES, SOLUTIONS, rejected("answers"))
            for name in ("manifest.json", "README.md", "report.html", *tables):
                (made / name).unlink()
            return
        self.fresh("nothing")
        self.endpoint.refuse(0.2 if given == "lossy" else 0.0)
        code, said = self.tsdg(*RUN, "engine.attempts=1")
        assert code == (1 if given == "lossy" else 0), said
        self.endpoint.refuse(0.0)
        shutil.rmtree(self.out / "tmp")
        shutil.rmtree(self.out / "cache")
        self.out.rename(self.given / given)

    def fresh(self, given: str) -> None:
        """Begin anew with what a case finds there."""
        self.slurm.empty()
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.copytree(self.given / given, self.out, symlinks=True)
        (self.out / "tmp").mkdir()
        (self.out / "cache").mkdir()
        (self.out / "cache" / "models").symlink_to(models_dir())

    def tsdg(self, *words: str, **environment: str) -> tuple[int, str]:
        """Run a command; returns its exit code and what it said."""
        filled = [word.format(out=self.out, url=self.endpoint.url) for word in words]
        child = self.zygote.start("tsdg", *filled, environment=environment)
        return child.wait(), child.said()

    def scratch(self) -> list[Path]:
        """What lies where temporary files go, but for the files by which Python tries it."""
        found = (self.out / "tmp").iterdir()
        return [path for path in found if not re.fullmatch("[a-z0-9_]{8}", path.name)]

    def age_scratch(self) -> None:
        """Make it old: what is young may be about to be used."""
        for path in self.scratch():
            os.utime(path, (0, 0))

    def seen(self) -> dict[str, str]:
        """Every file and its checksum; and how many jobs wait, and have a record."""
        waiting, recorded = self.slurm.active(), set()
        if (self.out / "made" / JOBS).exists():
            recorded = {job.job_id for job in read_jobs(self.out / "made").jobs}
        jobs = {"jobs": f"{len(waiting)}, recorded {len(waiting & recorded)}"}
        return jobs | {
            name: "there" if VOLATILE.search(name) else sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.out.rglob("*"))
            if path.is_file() and not PASSING.search(name := path.relative_to(self.out).as_posix())
        }


@pytest.fixture(scope="module")
def lab(shim: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(shim, tmp_path_factory.mktemp("writes"))
    for name, seed in (("a", 1), ("b", 2)):
        folder = made.given / "runs" / name
        folder.mkdir(parents=True)
        make_run(folder, seed=seed, tasks=2, seeds_per_task=6).package()
    save_tokenizer(made.given / "runs" / "tokenizer")
    (made.given / "nothing").mkdir()
    (made.given / "cluster").mkdir()
    (made.given / "cluster" / "c.yaml").write_text(
        f"executor: slurm\njob_dir: {made.out}/jobs\ntsdg: {{cpu_sbatch: {{}}}}\n"
    )
    yield made
    made.close()


@pytest.mark.parametrize("name", [name for name in CASES if ASKED != "1" or name not in BY_HAND])
def test_a_write_that_fails_is_one_line_and_the_same_command_makes_it_good(
    lab: Lab, tmp_path: Path, name: str, dice: random.Random
) -> None:
    case = CASES[name]
    lab.prepare(case.given)
    lab.fresh(case.given)
    log = tmp_path / "log"
    code, said = lab.tsdg(*case.words, FAIL_LOG=str(log))
    assert code == case.code, said
    whole = lab.seen()
    sites = [
        Site(int(number), call, path)
        for number, call, path in (line.split(" ", 2) for line in log.read_text().splitlines())
    ]
    print(name, len(sites), "calls that write")
    chosen = chosen_of(sites, dice)
    faults: list[str] = []
    tried = 0
    for site in chosen:
        for error in errors_of(dice):
            tried += 1
            lab.fresh(case.given)
            faults += [
                f"{name}: {site} failed with {error}: {fault}"
                for fault in faults_of(lab, case, site, error, whole)
            ]
    print(f"{name}: {tried} failing writes at {len(chosen)} of {len(sites)} calls", flush=True)
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)


def chosen_of(sites: list[Site], dice: random.Random) -> list[Site]:
    """The calls to fail."""
    if ALL or not sites:
        return sites
    if SITES:
        kinds: dict[tuple[str, str], list[Site]] = {}
        for site in sites:
            kinds.setdefault((site.call, NUMBERS.sub("N", site.path)), []).append(site)
        return [dice.choice(kind) for kind in kinds.values()]
    return dice.sample(sites, min(int(ASKED), len(sites)))


def errors_of(dice: random.Random) -> tuple[int, ...]:
    """The ways in which one call is to fail."""
    if ALL:
        return ERRORS
    return (dice.choice(ERRORS[:-1]), 0) if SITES else (dice.choice(ERRORS),)


def faults_of(lab: Lab, case: Case, site: Site, error: int, whole: dict[str, str]) -> Iterator[str]:
    """What goes wrong where one call fails."""
    code, said = lab.tsdg(*case.words, FAIL_AT=str(site.number), FAIL_WITH=str(error))
    told = [line for line in said.splitlines() if line.startswith("tsdg: ")]
    if "Traceback" in said:
        yield f"a traceback: {said}"
    if error and code != case.code:
        if code not in (1, 3) or len(told) != 1:
            yield f"exit code {code}: {said[-600:]}"
        elif str(lab.out) not in told[0]:
            yield f"no path: {told[0]}"
        if lab.scratch() and site.call not in REMOVES:
            yield f"left in TMPDIR: {lab.scratch()}"
    left = lab.seen()
    killed_late = not error and left == whole
    for path in left.keys() & whole.keys():
        if left[path] != whole[path] and "/." not in path and path != "jobs":
            yield f"half-made under its name: {path}"
    if code != case.code and case.made and (lab.out / case.made).exists() and not killed_late:
        yield "half of it stands there"
    if code != case.code and not killed_late:
        lab.age_scratch()
        if case.first and not error:
            lab.tsdg(*case.first)
        again, then = lab.tsdg(*case.words)
        if again != case.code:
            yield f"then: {then[-600:]}"
    now = lab.seen()
    if now != whole and site.call in REMOVES:  # what cannot be removed is so the next time
        lab.tsdg(*case.words)
        now = lab.seen()
    if now != whole:
        differ = {path for path, _ in now.items() ^ whole.items()}
        yield f"exit code {code}, then other files: {sorted(differ)}; {said[-600:]}"
    lab.age_scratch()
    with scratch_folder("later", parent=lab.out / "tmp") as later:
        if left := [path for path in lab.scratch() if path != later]:
            yield f"left in TMPDIR for ever: {left}"
