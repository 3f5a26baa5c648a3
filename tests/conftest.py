"""What a test may need from the machine, and what happens if that is missing.

A test that needs something outside the repository carries its marker, or asks for the fixture of
it, which marks it:

=========== ============== =======================================================================
marker      fixture        what is needed
=========== ============== =======================================================================
``mirror``  ``mirror``     real benchmark splits in the folder that ``TSDG_MIRROR`` names
``server``  ``vllm``,      the serving environment's command, ``TSDG_VLLM`` or
            ``quick_vllm`` ``.venv-server/bin/vllm``
``model``   ``demo_model`` the demo's model, which ``make model`` makes
``slurm``   ``slurm``      the Debian packages of ``slurm/devcluster/packages.txt``
``ssh``     none           OpenSSH's server and client
``sandbox`` none           bubblewrap and user namespaces, both in working order
``browser`` none           Chromium, to look at reports in
``root``    none           to be root
``clients`` ``clients``    the programs that read exports, which ``make clients-env`` installs
=========== ============== =======================================================================

Where it is missing the test is skipped. ``TSDG_REQUIRE=mirror,server`` names markers whose tests
must run: then a skip of such a test is a failure, whatever the reason of the skip.

``make test`` runs the tests in two steps at once (``tests/run.sh``): all that may run beside any
other, each where a process is free; and those marked ``serial``, which watch the clock, share a
cluster or take the whole machine (Slurm, chaos, real servers), one by one within a file.
"""

from __future__ import annotations

import gc
import os
import re
import readline  # noqa: F401 - sets COLUMNS, once; see below
import shutil
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tsdg.errors import MachineError
from tsdg.serving.demo_model import MODEL, models_dir
from tsdg.verify.sandbox import WALLS, Sandbox

# readline, which pytest loads, tells all children that the terminal is so wide: none is known here.
for _size in ("COLUMNS", "LINES"):
    os.environ.pop(_size, None)
    os.unsetenv(_size)

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
MIRROR = Path(os.environ.get("TSDG_MIRROR", ""))
VLLM = Path(os.environ.get("TSDG_VLLM", ROOT / ".venv-server" / "bin" / "vllm"))
os.environ["REAL_VLLM"] = str(VLLM)
QUICK_VLLM = TESTS / "serving" / "vllm"
DEMO_MODEL = models_dir() / MODEL
CLIENTS = ROOT / ".venv-clients" / "bin" / "python"
MARKER_OF_FIXTURE = {"mirror": "mirror", "vllm": "server", "demo_model": "model", "slurm": "slurm"}
MARKER_OF_FIXTURE |= {"clients": "clients", "quick_vllm": "server"}
SERIAL = {"chaos", "slurm", "server", "model"}
"""Markers, or folders of ``tests``, whose tests run one by one."""
_MAY_BE_SERIAL = re.compile(r"\b(\w*vllm|demo_model|slurm): |\bmark\.(chaos|slurm|server|model)\b")
"""What a file outside of these folders says that has such a test; others need not be imported."""
LONG = (
    "e2e/test_real_server.py",
    "serving/test_real_nodes.py",
    "slurm/test_servers.py",
    "chaos/test_real_vllm.py",
    "slurm/test_interrupted.py",
    "slurm/test_launch.py",
    "chaos/test_run.py",
    "chaos/test_writes.py",
)
"""Files that the serial step begins with, the longest first, so that none is left for the end."""
SLOW = {"clients", "e2e", "test_audit.py", "test_catalogue.py", "test_compose.py"}
SLOW |= {"test_families.py", "test_fsck.py", "test_gold.py", "test_golden.py", "test_leaks.py"}
SLOW |= {"test_memory.py", "test_models.py", "test_multinode.py", "test_node_servers.py"}
SLOW |= {"test_own_families.py", "test_planted.py", "test_prefetch.py", "test_probe.py"}
SLOW |= {"test_requirements.py", "test_submission.py", "test_workers.py"}
"""Folders and files of ``tests`` that `make quick` leaves out; together three quarters of the CPU
time."""
REQUIRED = frozenset(
    name.strip() for name in os.environ.get("TSDG_REQUIRE", "").split(",") if name.strip()
)


def _no_mirror() -> str:
    if "TSDG_MIRROR" not in os.environ:
        return "TSDG_MIRROR is not set: it names a folder of benchmark splits"
    return "" if MIRROR.is_dir() else f"TSDG_MIRROR={MIRROR} is not a folder"


def _no_server() -> str:
    return (
        ""
        if os.access(VLLM, os.X_OK)
        else f"no serving command {VLLM}: run `make server-env` or set TSDG_VLLM"
    )


def _no_model() -> str:
    return "" if DEMO_MODEL.is_dir() else f"no demo model {DEMO_MODEL}: run `make model`"


def _no_slurm() -> str:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    needed = ("slurmctld", "slurmdbd", "munged", "mariadbd", "ip")
    lacking = ", ".join(name for name in needed if shutil.which(name, path=path) is None)
    return f"not installed: {lacking}: see slurm/devcluster/packages.txt" if lacking else ""


def _no_ssh() -> str:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    lacking = ", ".join(
        name for name in ("sshd", "ssh", "ssh-keygen") if shutil.which(name, path=path) is None
    )
    return f"not installed: {lacking}" if lacking else ""


@cache
def _no_sandbox() -> str:
    for wall in WALLS:
        try:
            Sandbox(wall).submit("", []).result()
        except MachineError as error:
            return str(error)
    return ""


def _no_browser() -> str:
    return "" if shutil.which("chromium") else "no chromium: install Debian's package"


def _no_root() -> str:
    return "" if os.geteuid() == 0 else "not run by root"


def _no_clients() -> str:
    ready = (CLIENTS.parents[1] / ".stamp").is_file()
    return "" if ready else f"no environment {CLIENTS.parents[1]}: run `make clients-env`"


LACKS: dict[str, Callable[[], str]] = {
    "mirror": _no_mirror,
    "server": _no_server,
    "model": _no_model,
    "slurm": _no_slurm,
    "ssh": _no_ssh,
    "sandbox": _no_sandbox,
    "browser": _no_browser,
    "root": _no_root,
    "clients": _no_clients,
}


def _required(item: pytest.Item) -> list[str]:
    return sorted(REQUIRED & {marker.name for marker in item.iter_markers()})


# Property tests have no deadline: how long an example takes says more about the machine than about
# the code. Under continuous integration (CI is set) they try more examples.
settings.register_profile(
    "tests",
    deadline=None,
    max_examples=50 if os.environ.get("CI") else 25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")


def pytest_configure() -> None:
    if unknown := REQUIRED - LACKS.keys():
        raise pytest.UsageError(
            f"TSDG_REQUIRE: no marker {', '.join(sorted(unknown))}; there is {', '.join(LACKS)}"
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--step",
        choices=("parallel", "serial"),
        help="only tests that may run beside others, or only those that may not (tests/run.sh)",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark it before -m selects by markers."""
    for fixture in MARKER_OF_FIXTURE.keys() & set(getattr(item, "fixturenames", ())):
        item.add_marker(MARKER_OF_FIXTURE[fixture])
    names = {mark.name for mark in item.iter_markers()}
    if item.path.is_relative_to(TESTS):
        names.add(item.path.relative_to(TESTS).parts[0])
    if SLOW & set(item.path.parts):
        item.add_marker("slow")
    if names & SERIAL:
        item.add_marker("serial")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.getoption("step") != "serial" or _may_be_serial(collection_path):
        return None
    return True


def _may_be_serial(path: Path) -> bool:
    if not path.match("test_*.py") or SERIAL & set(path.relative_to(TESTS).parts):
        return True
    return _MAY_BE_SERIAL.search(path.read_text()) is not None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if step := config.getoption("step"):
        others = [item for item in items if _is_serial(item) != (step == "serial")]
        serial = {item.path for item in items if _is_serial(item)}
        if lost := {path for path in serial if not _may_be_serial(path)}:
            raise pytest.UsageError(f"the serial step would not see {lost}: see _MAY_BE_SERIAL")
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if _is_serial(item) == (step == "serial")]
    if step == "serial":
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """When a test's file is begun; files of one turn stay as they are."""
    name = item.path.relative_to(TESTS).as_posix()
    return LONG.index(name) if name in LONG else len(LONG)


def pytest_collection_finish() -> None:
    """What was imported stays: collections of garbage need not go through it, at each test anew."""
    gc.collect()
    gc.freeze()


def _is_serial(item: pytest.Item) -> bool:
    return item.get_closest_marker("serial") is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    needed = {marker.name for marker in item.iter_markers()}
    if reasons := [reason for name, lack in LACKS.items() if name in needed and (reason := lack())]:
        pytest.skip("; ".join(reasons))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    names = _required(item)
    if report.skipped and names and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"TSDG_REQUIRE={','.join(names)}, yet {reason[0].lower()}{reason[1:]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and REQUIRED:  # its tests, and so their markers, were never seen
        report.outcome = "failed"
        report.longrepr = f"TSDG_REQUIRE is set, yet a whole module was skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real benchmark splits."""
    return MIRROR


@pytest.fixture(scope="session")
def vllm() -> Path:
    """The serving environment's ``vllm`` command; its Python lies beside it."""
    return VLLM


@pytest.fixture(scope="session")
def quick_vllm(vllm: Path) -> Path:
    """The real ``vllm`` that starts in a third of the time: see ``serving/forking_vllm.py``."""
    return QUICK_VLLM


@pytest.fixture(scope="session")
def demo_model() -> Path:
    """The folder of the demo's model."""
    return DEMO_MODEL


@pytest.fixture(scope="session")
def clients() -> Path:
    """The Python of the environment with the programs that read exports."""
    return CLIENTS


@pytest.fixture(autouse=True)
def _open_ends_are_collected(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test may leave open (it ignores the warning) does not warn in a later test."""
    yield
    ignored = [word for mark in request.node.iter_markers("filterwarnings") for word in mark.args]
    if any("PytestUnraisableExceptionWarning" in word for word in ignored):
        gc.collect()


@pytest.fixture(scope="module", autouse=True)
def _settings_stay() -> Iterator[None]:
    """No module leaves settings behind for those that run after it."""
    before = _settings()
    yield
    assert _settings() == before


def _settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("TSDG_")}
