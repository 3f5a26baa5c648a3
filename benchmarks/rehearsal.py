"""A whole run over many seeds, rehearsed against an endpoint that answers at once.

    python benchmarks/rehearsal.py --mirror DIR --tokenizer DIR --seeds 10000

Every stage is a process of its own, as on a cluster: the draw of the seeds, the phases, what
gathers them, packaging; then ``verify``, ``report`` and an export. The rows are those of a real
mirror; where it has too few, they are repeated, each time with another made-up word in front. The
endpoint (``rehearsal_server.py``) replies in the form that is asked for, and the same to the same
request, so that two rehearsals can be compared byte by byte (``--digests``).

CPU is user and system time of the stage and of all processes that it started; the endpoint's is
not in it. Peak memory is that of the largest process. The last columns say what the stage would
cost with 4.5 million seeds, if every seed cost as much as here.

``--profile`` writes a profile of every stage beside the run, and ``--loop`` says which callbacks
kept an event loop for more than 5 ms; both cost CPU of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HERE = Path(__file__).parent
Planned = dict[str, tuple[int, int]]
"""Phase → requests and prompt tokens."""
FULL = 4_500_000
"""Seeds of a whole run."""
REAL_ROWS = 150_000
"""Seeds that one copy of the mirror gives at least."""
TEXTS = ("question", "QUESTION", "question_stem", "problem", "sentence", "scenario", "premise")
TEXTS += ("article", "passage", "ctx", "text", "premises", "input_sentence_1", "activity")
"""Columns that hold what a row asks, or what it begins with; the first one there is changed."""
SAMPLED_S = 0.001
"""CPU time between two samples of a profile."""
LONG_S = 0.005
"""A callback that holds an event loop longer is told by ``--loop``."""
RECIPE = ("recipe=nemotron", "server=openai", "model=endpoint", "roles=one", "model.name=rehearsal")
RECIPE += ("model.licence=none", "model.max_model_len=131072", "seeds.cap_per_task=10000000")
RECIPE += ("seeds.cap_per_family=0", "seeds.cap_per_group=0", "engine.request_timeout_s=1000000")
"""The limit of a reply is fixed, so that several completions are one request, however fast the
endpoint is at the moment: two rehearsals make the same bytes."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one stage cost."""

    stage: str
    wall_s: float
    cpu_s: float
    peak_mib: dict[str, int] = field(default_factory=dict)
    """Process → most memory that it held."""
    cpu_of: dict[str, float] = field(default_factory=dict)
    """Process → its CPU seconds, as last seen."""
    calls: int = 0
    """Reads and writes that its processes asked the system for."""
    files: int = 0
    """Files of the run that it left."""
    bytes: int = 0
    requests: int = 0


def repeated_mirror(mirror: Path, into: Path, copies: int) -> Path:
    """A mirror whose training splits have every row ``copies`` times, with made-up differences."""
    if copies == 1:
        return mirror
    shutil.copytree(mirror, into)
    for path in into.rglob("train.parquet"):
        table = pq.read_table(path)
        column = next((name for name in TEXTS if name in table.column_names), None)
        if column is None:
            continue
        at = table.column_names.index(column)
        many = [table]
        for copy in range(1, copies):
            text = pc.binary_join_element_wise(f"{_word(copy)}:", table[column], " ")
            many.append(table.set_column(at, table.schema.field(at), text))
        whole = pa.concat_tables(many)
        pq.write_table(whole, path, compression="zstd", row_group_size=10_000)
    return into


def _word(number: int) -> str:
    digits = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()[:6]
    return digits.translate(str.maketrans("0123456789", "aeiouaeiou")).capitalize()


@contextlib.contextmanager
def endpoint(folder: Path) -> Iterator[str]:
    """Start the endpoint; give its base URL."""
    port_file = folder / "port"
    server = subprocess.Popen([sys.executable, str(HERE / "rehearsal_server.py"), str(port_file)])
    try:
        while not port_file.exists():
            if server.poll() is not None:
                sys.exit("the endpoint did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port_file.read_text()}/v1"
    finally:
        server.terminate()
        server.wait()


class Watch(threading.Thread):
    """Looks at a process and its descendants five times a second, until ``stop``."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._over = pid, threading.Event()
        self.peak_kib: dict[int, int] = {}
        self.cpu: dict[int, float] = {}
        self.calls: dict[int, int] = {}

    def run(self) -> None:
        """Look until it is over."""
        while not self._over.wait(0.2):
            for pid in self._family():
                with contextlib.suppress(OSError, ValueError, StopIteration):
                    self._look(pid)

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()

    def named(self, seen: dict[int, Any]) -> dict[str, Any]:
        """What was seen, by the names ``main``, ``child 1`` ..."""
        others = sorted(pid for pid in seen if pid != self._pid)
        names = {self._pid: "main"} | {pid: f"child {n + 1}" for n, pid in enumerate(others)}
        return {names[pid]: seen[pid] for pid in (self._pid, *others) if pid in seen}

    def _family(self) -> list[int]:
        found = [self._pid]
        for pid in found:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    found += map(int, (task / "children").read_text().split())
        return found

    def _look(self, pid: int) -> None:
        folder = Path(f"/proc/{pid}")
        peak = next(
            line for line in (folder / "status").read_text().splitlines() if "VmHWM" in line
        )
        self.peak_kib[pid] = int(peak.split()[1])
        times = (folder / "stat").read_text().rsplit(") ", 1)[1].split()
        self.cpu[pid] = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        io = dict(line.split(": ") for line in (folder / "io").read_text().splitlines())
        self.calls[pid] = int(io["syscr"]) + int(io["syscw"])


def _holds(run: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in run.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def measure(stage: str, commands: Sequence[Sequence[str]], run: Path) -> Measured:
    """Run commands side by side and say what they cost."""
    before = _holds(run)
    wall = time.perf_counter()
    started = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    watches = [Watch(process.pid) for process in started]
    for watch in watches:
        watch.start()
    cpu, largest = 0.0, 0
    for process in started:
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{stage} failed: {os.waitstatus_to_exitcode(status)}")
        cpu += usage.ru_utime + usage.ru_stime
        largest = max(largest, usage.ru_maxrss // 1024)
    wall = time.perf_counter() - wall
    peaks: dict[str, int] = {}
    cpus: dict[str, float] = {}
    for number, watch in enumerate(watches):
        watch.stop()
        mark = f"{number + 1}/" if len(watches) > 1 else ""
        peaks |= {f"{mark}{k}": v // 1024 for k, v in watch.named(watch.peak_kib).items()}
        cpus |= {f"{mark}{k}": round(v, 1) for k, v in watch.named(watch.cpu).items()}
    after = _holds(run)
    return Measured(
        stage=stage,
        wall_s=wall,
        cpu_s=cpu,
        peak_mib=peaks or {"main": largest},
        cpu_of=cpus,
        calls=sum(sum(watch.calls.values()) for watch in watches),
        files=after[0] - before[0],
        bytes=after[1] - before[1],
    )


def begin(words: Sequence[str]) -> tuple[Path, list[tuple[str, str]], Planned]:
    """Write a run's snapshot; return its directory, its stages with their kinds, and its plan."""
    from tsdg.config.compose import compose_recipe
    from tsdg.run.prepare import prepare, take_snapshot
    from tsdg.run.run_plan import make_plan

    prepared = prepare(compose_recipe(words))
    prepared.directory.mkdir(parents=True, exist_ok=True)
    take_snapshot(prepared, words)
    planned = {
        phase.phase: (phase.work.requests_expected, phase.work.prompt_tokens)
        for phase in make_plan(prepared).phases
    }
    stages = [(stage.name, stage.kind) for stage in prepared.state.stages]
    return prepared.directory, stages, planned


def rehearse(args: argparse.Namespace, folder: Path) -> tuple[Path, list[Measured], Planned]:
    """Run all stages, one after the other."""
    copies = math.ceil(args.seeds / REAL_ROWS)
    mirror = repeated_mirror(args.mirror, folder / "mirror", copies)
    done: list[Measured] = []
    with endpoint(folder) as url:
        words = [*RECIPE, f"server.base_urls=[{url}]", f"model.path={args.tokenizer}"]
        words += [
            f"seeds.mirror={mirror}",
            f"seeds.total={args.seeds}",
            f"output_root={folder}/runs",
        ]
        run, stages, planned = begin([*words, *args.override])
        this = [sys.executable, str(Path(__file__)), "--stage"]
        extra = ["--profile"] * args.profile + ["--loop"] * args.loop
        for name, kind in stages:
            count = args.workers if kind == "phase" else 1
            command = [*this, "work", str(run), name, *extra]
            done.append(measure(name, [command] * count, run))
            tell(done[-1], args.seeds)
        out = folder / "export"
        for name in (["verify"], ["report"], ["export", "--format", "jsonl", f"out={out}"]):
            command = [*this, name[0], str(run), *name[1:], *extra]
            done.append(measure(name[0], [command], run))
            tell(done[-1], args.seeds)
    return run, done, planned


def used(run: Path, phase: str) -> tuple[int, int]:
    """Requests and prompt tokens of all rows of a phase."""
    requests = tokens = 0
    for path in (run / phase / "parts").glob("*.parquet"):
        for row in pq.read_table(path, columns=["usage"])["usage"].to_pylist():
            requests += sum(one["requests"] for one in row)
            tokens += sum(one["prompt_tokens"] for one in row)
    return requests, tokens


def one_stage(words: Sequence[str], *, profile: bool, loop: bool) -> None:
    """Run one command in this process, watched as is wanted; and exit with its code."""
    from tsdg.cli import run_command

    held = watch_loop() if loop else None
    samples = sample_stacks() if profile else None
    code = run_command(list(words))
    signal.setitimer(signal.ITIMER_PROF, 0)
    if samples is not None:
        run, stage = words[1], words[2] if words[0] == "work" else words[0]
        path = Path(run).parent / f"{stage}.{os.getpid()}.profile"
        path.write_text("\n".join(told_samples(samples)))
    if held is not None:
        longest = ", ".join(f"{name} {many}" for name, many in held.most_common(24))
        print(f"  loop held over {LONG_S * 1000:g} ms: {longest or 'never'}", file=sys.stderr)
    sys.exit(code)


def sample_stacks() -> list[tuple[str, ...]]:
    """Keep what the main thread is at, each time that the process has used a millisecond of CPU.

    A profiler that counts calls makes small functions look several times as dear as they are.
    """
    found: list[tuple[str, ...]] = []

    def look(_: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            code = frame.f_code
            stack.append(f"{'/'.join(code.co_filename.split('/')[-3:])}:{code.co_qualname}")
            frame = frame.f_back
        found.append(tuple(stack))

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, SAMPLED_S, SAMPLED_S)
    return found


def told_samples(stacks: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Say what share of the CPU time each function took, with all that it called and by itself."""
    whole = Counter(name for stack in stacks for name in set(stack))
    own = Counter(stack[0] for stack in stacks)
    yield f"{len(stacks)} samples; share in all, share by itself"
    for name, many in whole.most_common():
        if many >= len(stacks) / 500:
            yield f"{many / len(stacks):7.1%} {own[name] / len(stacks):7.1%} {name}"


def watch_loop() -> Counter[str]:
    """Count, by what they run, the callbacks of event loops that take too long; and where."""
    from asyncio import events

    run = events.Handle._run
    held: Counter[str] = Counter()
    stacks = sample_stacks()

    def timed(self: Any) -> None:
        stacks.clear()
        start = time.thread_time()
        run(self)
        spent = time.thread_time() - start
        held["callbacks"] += 1
        if spent > LONG_S:
            task = getattr(self._callback, "__self__", None)
            coroutine = getattr(task, "get_coro", lambda: None)()
            name = getattr(coroutine or self._callback, "__qualname__", repr(self._callback))
            held[name] += 1
            held[f"ms of {name}"] += round(1000 * spent)
            for stack in stacks:
                own = [frame for frame in stack if "/tsdg/" in frame or frame.startswith("tsdg/")]
                held[f"ms in {own[0].rpartition('/')[2] if own else stack[0]}"] += 1

    events.Handle._run = timed  # type: ignore[method-assign]
    return held


def requests_of(run: Path) -> int:
    """Requests that the run's workers have sent."""
    from tsdg.accounting import read_run, spent

    return spent(read_run(run)).requests_done


def tell(one: Measured, seeds: int) -> None:
    """Print a row of the table."""
    times = FULL / seeds
    peak = max(one.peak_mib.values(), default=0)
    print(
        f"{one.stage:20} {one.cpu_s:8.1f} {one.wall_s:8.1f} {len(one.peak_mib):5} {peak:7,} "
        f"{one.calls:11,} {one.files:7,} {one.bytes / 2**20:9.1f} {one.cpu_s * times / 3600:9.1f} "
        f"{one.bytes * times / 2**30:9.1f}",
        flush=True,
    )


HEAD = (
    f"{'stage':20} {'CPU s':>8} {'wall s':>8} {'procs':>5} {'MiB':>7} {'read+write':>11} "
    f"{'files':>7} {'MiB left':>9} {'core h':>9} {'GiB':>9}   (the last two at {FULL:,} seeds)"
)


def digests(run: Path) -> Iterator[tuple[str, str]]:
    """Digests of all tables and of the dataset."""
    for path in sorted(run.rglob("*.parquet")):
        yield str(path.relative_to(run)), hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    if sys.argv[1:2] == ["--stage"]:
        words = [word for word in sys.argv[2:] if word not in ("--profile", "--loop")]
        one_stage(words, profile="--profile" in sys.argv, loop="--loop" in sys.argv)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder of a tokenizer.json")
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1, help="processes that share a phase")
    parser.add_argument("--folder", type=Path, help="where to work and leave the run")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--digests", action="store_true", help="print those of the run's tables")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("override", nargs="*", help="further keys of the recipe, KEY=VALUE")
    args = parser.parse_args()
    with contextlib.ExitStack() as held:
        folder = args.folder or Path(held.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        print(HEAD)
        run, done, planned = rehearse(args, folder)
        summary(run, done, args.seeds)
        for phase, of_plan in planned.items():
            for what, plan, real in zip(
                ("requests", "prompt tokens"), of_plan, used(run, phase), strict=True
            ):
                print(f"plan of {phase}: {plan:,} {what}, used {real:,}: {plan / real - 1:+.1%}")
        if args.digests:
            for name, digest in digests(run):
                print(digest[:16], name)
        if args.json:
            args.json.write_text(json.dumps([asdict(one) for one in done], indent=1))


def summary(run: Path, done: Sequence[Measured], seeds: int) -> None:
    """Print the sums, and what a request costs in the phases."""
    manifest = json.loads((run / "manifest.json").read_text())
    requests = requests_of(run)
    cpu = sum(one.cpu_s for one in done)
    phases = sum(one.cpu_s for one in done if one.stage in manifest_phases(manifest))
    files, size = _holds(run)
    print(
        f"{cpu:.0f} s CPU, {sum(one.wall_s for one in done):.0f} s wall; {seeds:,} seeds, "
        f"{requests:,} requests, {manifest['totals']['records']:,} records; {files:,} files, "
        f"{size / 2**20:,.0f} MiB"
    )
    print(
        f"CPU of a request: {1000 * phases / requests:.3f} ms in the phases, "
        f"{1000 * cpu / requests:.3f} ms in all; load {os.getloadavg()[0]:.1f}"
    )


def manifest_phases(manifest: dict[str, Any]) -> set[str]:
    """Names of the phases of a run."""
    from tsdg.layout import phase_name

    return {phase_name(tuple(steps)) for steps in manifest["phases"]}


if __name__ == "__main__":
    main()
