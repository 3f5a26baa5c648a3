"""The supervisor: whatever dies, nothing of the server is left."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.processes import runs
from tests.serving.conftest import FAULT_SERVER, Watched, until
from tsdg.serving import supervisor
from tsdg.serving.process import ServerProcess

SUPERVISOR = Path(supervisor.__file__)
SERVE = (sys.executable, str(FAULT_SERVER), "serve", "model")


async def start(
    watched: Watched, *command: str, grace_s: float = 20.0, **env: str
) -> ServerProcess:
    process = await ServerProcess.start(
        command or SERVE,
        env={**os.environ, **watched.env(**env)},
        log=watched.state / "log",
        grace_s=grace_s,
    )
    if not command:
        await until(lambda: len(watched.alive()) == 3)
    return process


def supervisor_of(watched: Watched) -> psutil.Process:
    return psutil.Process(watched.pids("server")[0]).parent()


def all_gone(watched: Watched) -> bool:
    return not watched.alive()


def test_the_supervisor_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import runpy, sys; sys.argv = ['k', '0', '1', '', 'true']; "
        f"runpy.run_path({str(SUPERVISOR)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_the_end_of_a_server_is_reported_as_it_was(watched: Watched) -> None:
    for code, outcome in (
        ("import sys; sys.exit(7)", "exit 7"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
    ):
        process = await start(watched, sys.executable, "-c", code)
        assert await process.ended() == outcome
        await process.stop()


async def test_what_a_killed_server_leaves_in_its_temporary_folder_is_removed(
    watched: Watched,
) -> None:
    """But for what is compiled, which is for the next one; where sockets fit into the path."""
    leave = "touch $TMPDIR/socket; mkdir -p $TORCHINDUCTOR_CACHE_DIR; echo $TMPDIR >&2; "
    leave += "[ $TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS = 0 ] || exit 1"
    for fits in (True, False):
        with tempfile.TemporaryDirectory(dir="/tmp") as short:
            place = Path(short) if fits else watched.state / ("long" * 9)
            place.mkdir(exist_ok=True)
            process = await start(watched, "sh", "-c", f"{leave}; kill -9 $$", TMPDIR=str(place))
            assert await process.ended() == "signal 9"
            assert [path.name for path in place.iterdir()] == [f"tsdg-cache-{os.getuid()}"]
        used = Path((watched.state / "log").read_text().splitlines()[-1])
        assert not used.exists()
        assert (place in used.parents) == fits
        assert len(str(used)) <= 107 - 37


async def test_what_cannot_be_started_says_so_in_the_log(watched: Watched) -> None:
    process = await start(watched, "/no/such/program")
    assert await process.ended() == "exit 127"
    assert (
        "cannot start /no/such/program: No such file or directory"
        in (watched.state / "log").read_text()
    )
    await process.stop()


async def test_stop_ends_server_engine_and_a_worker_in_its_own_session(watched: Watched) -> None:
    process = await start(watched)
    sessions = {os.getsid(pid) for pid in watched.alive()}
    assert len(sessions) == 2
    assert os.getsid(0) not in sessions
    await process.stop()
    assert await process.ended() == "exit 0"
    assert all_gone(watched)


async def test_processes_that_ignore_sigterm_are_killed(watched: Watched) -> None:
    process = await start(watched, grace_s=1.0, FAULT_STUBBORN="1")
    for pid in watched.alive():
        os.kill(pid, signal.SIGSTOP)
    await process.stop()
    assert all_gone(watched)
    assert [path for path in watched.segments() if path.exists()] == []


async def test_a_killed_server_does_not_leave_its_engine(watched: Watched) -> None:
    process = await start(watched)
    assert [path.exists() for path in watched.segments()] == [True, True]
    os.kill(watched.pids("server")[0], signal.SIGKILL)
    assert await process.ended() == "signal 9"
    assert all_gone(watched)
    assert [path.exists() for path in watched.segments()] == [False, False]
    await process.stop()


async def test_shared_memory_that_others_use_stays(watched: Watched) -> None:
    process = await start(watched)
    segment = watched.segments()[0]
    code = (
        "import mmap,sys; f=open(sys.argv[1],'r+b'); m=mmap.mmap(f.fileno(),0); "
        "print(1,flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(segment)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    other.stdout.readline()
    await process.stop()
    assert segment.exists()
    other.kill()
    other.communicate()


async def test_a_killed_supervisor_does_not_leave_the_server(watched: Watched) -> None:
    process = await start(watched)
    supervisor_of(watched).kill()
    assert "supervisor" in await process.ended()
    server, engine = watched.pids("server")[0], watched.pids("engine")[0]
    await until(lambda: not runs(server) and not runs(engine))
    await process.stop()
    # A worker in a session of its own is out of reach without the supervisor.
    for pid in watched.alive():
        os.kill(pid, signal.SIGKILL)
    await until(lambda: all_gone(watched))


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP])
async def test_signals_that_announce_a_preemption_do_not_end_anything(
    watched: Watched, number: signal.Signals
) -> None:
    process = await start(watched)
    supervisor_of(watched).send_signal(number)
    for pid in watched.alive():
        os.kill(pid, number)
    await asyncio.sleep(0.3)
    assert len(watched.alive()) == 3
    await process.stop()
    assert all_gone(watched)


async def test_sigterm_to_the_supervisor_ends_the_server(watched: Watched) -> None:
    process = await start(watched)
    supervisor_of(watched).terminate()
    assert await process.ended() == "exit 0"
    assert all_gone(watched)


@pytest.mark.parametrize("holder", [False, True])
async def test_kill_9_of_the_parent_leaves_nothing(watched: Watched, holder: bool) -> None:
    """Also where another process holds the pipe open, as a forked worker of the parent would."""
    code = f"""
import asyncio, os, sys
from pathlib import Path
from tsdg.serving.process import ServerProcess
async def main():
    log = Path({str(watched.state / "log")!r})
    await ServerProcess.start({SERVE!r}, env=dict(os.environ), log=log, grace_s=1.0)
    if {holder} and os.fork() == 0:
        import time; time.sleep(5); os._exit(0)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # a path in which sockets fit
        place = Path(name)
        env = {**os.environ, **watched.env(FAULT_STUBBORN="1", TMPDIR=name)}
        parent = subprocess.Popen([sys.executable, "-c", code], env=env)
        await until(lambda: len(watched.alive()) == 3)
        assert list(place.iterdir())
        kept = supervisor_of(watched)
        parent.kill()
        parent.wait()
        await until(lambda: all_gone(watched) and not runs(kept.pid))
        assert list(place.iterdir()) == []


async def test_the_stop_of_a_stopped_supervisor_ends_the_server_in_silence(
    watched: Watched,
) -> None:
    """Of a supervisor that outlives the event loop nothing is said when that loop ends."""
    code = f"""
import asyncio, os
from pathlib import Path
from tsdg.serving.process import ServerProcess
async def main():
    log = Path({str(watched.state / "log")!r})
    process = await ServerProcess.start({SERVE!r}, env=dict(os.environ), log=log, grace_s=1.0)
    await asyncio.to_thread(input)
    await process.stop()
asyncio.run(main())
"""
    env = {**os.environ, **watched.env()}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    await until(lambda: len(watched.alive()) == 3)
    kept = supervisor_of(watched)
    kept.suspend()
    try:
        assert parent.communicate(b"\n")[1] == b""
        server, engine = watched.pids("server")[0], watched.pids("engine")[0]
        await until(lambda: not runs(server) and not runs(engine))
    finally:
        kept.resume()
    await until(lambda: all_gone(watched) and not runs(kept.pid))
