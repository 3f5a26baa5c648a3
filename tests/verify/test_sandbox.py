"""Hostile code is contained and reported, in both kinds of sandbox, as root and as user."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tsdg.errors import MachineError
from tsdg.protocols import Asked, Proof
from tsdg.verify import sandbox as module
from tsdg.verify.python_code import PythonRunVerifier
from tsdg.verify.sandbox import WALLS, Limits, Run, Sandbox, find_sandbox

pytestmark = pytest.mark.sandbox
FAST = Limits(cpu_seconds=2, expression_seconds=0.3, wall_seconds=20.0, memory_bytes=1 << 28)


@pytest.fixture(params=WALLS)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return Sandbox(request.param, FAST)


def run(sandbox: Sandbox, source: str, *expressions: str) -> Run:
    return sandbox.submit(source, expressions).result()


HOSTILE = {
    "a fork bomb": ("import os\nwhile True: os.fork()", "forbidden", ""),
    "threads": ("import threading\nthreading.Thread(target=print).start()", "forbidden", ""),
    "another program": ("import os; os.execv('/bin/sh', ['sh', '-c', 'true'])", "forbidden", ""),
    "10 GiB at once": ("x = bytearray(10 << 30)", "finished", "MemoryError"),
    "10 GiB by and by": ("x = []\nwhile True: x.append(bytes(1 << 24))", "finished", "MemoryError"),
    "a connection": ("import socket; socket.create_connection(('127.0.0.1', 80))", "forbidden", ""),
    "a look-up of a name": ("import socket; socket.gethostbyname('localhost')", "forbidden", ""),
    "reading the secret": ("open({secret!r}).read()", "finished", "FileNotFoundError"),
    "listing the home directory": (
        "import os; os.listdir({home!r})",
        "finished",
        "FileNotFoundError",
    ),
    "writing outside": ("open({home!r} + '/new', 'w')", "finished", "FileNotFoundError"),
    "writing at the root": ("open('/new', 'w')", "finished", "OSError"),
    "writing to the libraries": ("import os; open(os.__file__, 'a')", "finished", "OSError"),
    "a temporary file": (
        "import tempfile; tempfile.TemporaryFile()",
        "finished",
        "FileNotFoundError",
    ),
    "a symbolic link": (
        "import os; os.symlink({secret!r}, '/tmp/link')",
        "finished",
        "FileNotFoundError",
    ),
    "an endless loop": ("while True: pass", "finished", "Overtime"),
    "a loop that catches all": (
        "def f():\n while True: pass\ntry: f()\nexcept BaseException: f()",
        "timeout",
        "",
    ),
    "a loop in C": ("import itertools; sum(itertools.repeat(0))", "timeout", ""),
    "killing its parent": ("import os; os.kill(os.getppid(), 9)", "forbidden", ""),
    "killing everything": ("import os; os.kill(-1, 9)", "forbidden", ""),
    "tracing": ("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)", "forbidden", ""),
    "its parent's memory": ("open('/proc/1/environ').read()", "finished", "FileNotFoundError"),
    "mounting": (
        "import ctypes; ctypes.CDLL(None).mount(b'none', b'/', b'tmpfs', 0, b'')",
        "forbidden",
        "",
    ),
    "a new namespace": ("import ctypes; ctypes.CDLL(None).unshare(0x10000000)", "forbidden", ""),
    "lifting its limits": (
        "import resource as r; r.setrlimit(r.RLIMIT_AS, (r.RLIM_INFINITY, r.RLIM_INFINITY))",
        "finished",
        "ValueError",
    ),
    "huge output": (
        (
            "import os\nwhile True:\n for n in range(3, 20):\n  try: os.write(n, b'x' * 65536)\n  "
            "except OSError: pass"
        ),
        "output",
        "",
    ),
    "an early end": ("import os; os._exit(0)", "finished", ""),
    "a signal to itself": ("import os; os.abort()", "crashed", ""),
    "a stray pointer": ("import ctypes; ctypes.string_at(1)", "crashed", ""),
    "endless recursion": ("def f(n): return f(n + 1)\nf(0)", "finished", "RecursionError"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_is_contained_and_classified(
    sandbox: Sandbox, name: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    source, end, raised = HOSTILE[name]
    result = run(
        sandbox,
        source.format(secret=str(secret), home=str(tmp_path)) if "!r}" in source else source,
        "x",
    )
    assert (result.end, result.raised, result.values) == (end, raised, ()), result
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_nothing_of_the_machine_is_to_be_seen(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "s3cret")
    monkeypatch.chdir("/")
    source = (
        "import os\ndef is_open(n):\n try:\n  os.fstat(n)\n  return True\n except OSError:\n  "
        "return False\n"
        "def there(*names): return [name for name in names if os.path.exists('/' + name)]"
    )
    expressions = (
        "[name for name in os.environ if name not in ('PWD', 'LC_CTYPE')]",
        "there('etc/passwd', 'home', 'tmp', 'proc', 'sys', 'var', 'run')",
        "os.listdir('/dev')",
        "os.getcwd()",
        "[n for n in range(64) if is_open(n)]",
    )
    values = [text for _, text in run(sandbox, source, *expressions).values]
    assert values == ["['PYTHONHASHSEED', 'PYTHONUTF8']", "[]", "['null']", "'/'", "[0, 1, 2, 3]"]


def test_an_infinite_sleep_ends_at_the_wall_limit_and_leaves_nothing() -> None:
    for wall in WALLS:
        started = time.monotonic()
        sandbox = Sandbox(wall, Limits(wall_seconds=1.5))
        assert run(sandbox, "import time\ntime.sleep(1e6 + 0.125)").end == "timeout"
        assert time.monotonic() - started < 20
        assert not [line for line in _processes() if "1e6 + 0.125" in line]


def _processes() -> list[str]:
    return subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_results_are_the_same_every_time(sandbox: Sandbox) -> None:
    source = (
        "import random\ndef f(n): "
        "return random.random(), hash('a'), {str(i) for i in range(n)}, [1.0, True, 2j]"
    )
    first, second = run(sandbox, source, "f(9)", "f"), run(sandbox, source, "f(9)", "f")
    assert first == second
    assert first.values[0][0] == "value"
    assert first.values[1] == ("opaque", "function")


def test_an_ordinary_user_needs_no_rights(tmp_path: Path) -> None:
    """In a user namespace without a single capability, which is what an ordinary user is to the
    kernel."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os\nfrom tsdg.verify.sandbox import WALLS, Sandbox\n"
        "rights = next(line.split()[1] for line in open('/proc/self/status') if 'CapEff' in line)\n"
        "assert os.getuid() == 1234 and not int(rights, 16)\n"
        "print([Sandbox(wall).submit('x = 6 * 7', ['x']).result().values for wall in WALLS])\n"
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-user=1234", "--map-group=1234", sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.stdout.strip() == "[(('value', '42'),), (('value', '42'),)]", done.stderr


def test_without_walls_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    find_sandbox.cache_clear()
    with pytest.raises(
        MachineError, match=r"no command bwrap; .*no command unshare.*install bubblewrap"
    ) as caught:
        find_sandbox()
    assert "\n" not in str(caught.value)
    find_sandbox.cache_clear()


def test_walls_that_do_not_stand_are_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text(
        "#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(MachineError, match="bwrap does not close here: bwrap: setting up uid map"):
        Sandbox("bwrap").submit("", []).result()
    find_sandbox.cache_clear()
    assert find_sandbox().wall == "unshare"
    find_sandbox.cache_clear()


def test_an_architecture_without_a_list_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = os.uname()
    monkeypatch.setattr(
        module.seccomp.os, "uname", lambda: os.uname_result((*machine[:4], "riscv64"))
    )
    module.seccomp.program.cache_clear()
    with pytest.raises(MachineError, match="architecture riscv64, only for x86_64, aarch64"):
        module.seccomp.program()


CHECKS = ("assert double(2) == 4", "assert double(-3) == -6", "assert double(0) == 0")
ASKED = Asked(question="Write double(n).", context="", options=(), checks=CHECKS)


def prove(*sources: str, asked: Asked = ASKED) -> list[Proof]:
    return asyncio.run(PythonRunVerifier(Sandbox("bwrap", FAST)).prove(sources, asked))


def test_only_code_that_passes_all_tests_has_a_behaviour() -> None:
    bodies = {
        "2 * n": "passed",
        "n ** 2": "wrong",
        "n + m": "raised",
        "[0] * (1 << 33)": "memory",
        "double(n) if n else 0": "raised",
        "sum(1 for _ in iter(int, 1))": "timeout",
        "__import__('os').fork()": "forbidden",
        "__import__('os')._exit(0)": "crashed",
        "type('T', (), {'__eq__': lambda a, b: True})()": "wrong",
    }
    proofs = prove(*(f"def double(n):\n    return {body}" for body in bodies))
    assert {body: proof.verdict for body, proof in zip(bodies, proofs, strict=True)} == bodies
    assert [bool(proof.behaviour) for proof in proofs] == [True] + [False] * (len(bodies) - 1)
    assert all(proof.detail and "\n" not in proof.detail for proof in proofs)


def test_a_forged_report_does_not_pass() -> None:
    forged = (
        "import os, json\n"
        "for n in range(3, 32):\n"
        '    try: os.write(n, b\'["loaded"]\\n["value", "1"]\\n["value", "1"]\\n["value", '
        '"1"]\\n\')\n'
        "    except OSError: pass\n"
        "os._exit(0)\ndef double(n): pass"
    )
    assert prove(forged)[0].verdict == "wrong"


def test_what_was_written_to_the_tests_is_told_from_what_does_the_thing() -> None:
    sources = (
        "2 * n",
        "n + n",
        "{2: 4, -3: -6, 0: 0}[n]",
        "{2: 4, -3: -6}.get(n, 0)",
        "sum([n, n])",
    )
    proofs = prove(*(f"def double(n):\n    return {body}" for body in sources))
    assert {proof.verdict for proof in proofs} == {"passed"}
    verifier = PythonRunVerifier()
    alike = [verifier.alike(proofs[0].behaviour, proof.behaviour) for proof in proofs]
    assert alike == [True, True, False, False, True]


def test_the_event_loop_goes_on_while_code_runs() -> None:
    async def ticks() -> tuple[int, str]:
        verifier = PythonRunVerifier(Sandbox("bwrap", Limits(wall_seconds=2.0)))
        task = asyncio.create_task(
            verifier.prove(["import time\ntime.sleep(60)\ndef double(n): pass"], ASKED)
        )
        count = 0
        while not task.done():
            await asyncio.sleep(0.01)
            count += 1
        return count, task.result()[0].verdict

    count, verdict = asyncio.run(ticks())
    assert verdict == "timeout"
    assert count >= 10
