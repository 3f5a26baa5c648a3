"""A process that has imported everything and forks workers on demand, cheap to kill.

A program: ``python zygote.py MODULE...``, with modules to import besides what ``tsdg`` needs. It
reads orders from standard input, one JSON object a line:

- ``{"call", "arguments", "environment", "whole", "out", "err"}``: fork a process that leads a
  session of its own, with its output in two files, and answer ``{"started": PID}``. The environment
  is the zygote's with some variables set, or, if ``whole``, no other than the one given.
- ``{"signal", "pid", "group"}``: send a signal to a process or to its whole group.

For each process that has ended it writes ``{"ended": PID, "code": N}`` (negative: the signal). At
the end of its input it kills all that is left. It may run in namespaces of its own: process ids are
those that it sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
import types
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# What a run imports in its course, from the command line to the packaging.
PRELOADED = (
    "aiohttp.web",
    "hydra._internal.core_plugins.basic_launcher",
    "hydra._internal.core_plugins.basic_sweeper",
    "hydra._internal.core_plugins.file_config_source",
    "hydra._internal.core_plugins.importlib_resources_config_source",
    "hydra._internal.core_plugins.structured_config_source",
    "hydra._internal.hydra",
    "hydra.main",
    "jsonschema",
    "lm_eval.tasks._yaml_loader",
    "pyarrow.dataset",
    "pyarrow.acero",
    "pyarrow.parquet",
    "py3langid.langid",
    "rich.console",
    "rich.table",
    "scipy.special",
    "tests.e2e.oracle",
    "tsdg.cli",
    "tsdg.commands.export",
    "tsdg.commands.plan",
    "tsdg.commands.run",
    "tsdg.commands.status",
    "tsdg.commands.verify",
    "tsdg.commands.work",
    "tsdg.package.fsck",
    "tsdg.pipeline.package",
    "tsdg.pipeline.run_stages",
    "tsdg.serving.client",
    "tsdg.serving.external_endpoints",
    "tsdg.serving.node_servers",
    "tsdg.verify.choice",
    "tsdg.verify.number",
    "tsdg.verify.short_text",
    "tsdg.verify.symbolic",
    "tsdg.views.run",
    "tsdg.views.show",
)
CALLS = {
    "tsdg": "tsdg.cli:run_command",
    "oracle": "tests.e2e.oracle:serve",
    "phase": "tests.chaos.worker:work",
    "hold": "tests.chaos.worker:hold",
    "endpoint": "tests.chaos.endpoint:serve",
    "contend": "tests.chaos.contend:contend",
}


def warm_up() -> None:
    """Load what a run keeps once it has read it: tables, templates, Hydra's parser, models."""
    from tsdg.config.compose import compose_recipe
    from tsdg.generate.language import other_language
    from tsdg.generate.topics import load_topics, topics_for
    from tsdg.package.card import template
    from tsdg.package.render import labels_of
    from tsdg.package.report.page import environment
    from tsdg.run.votes import check_votes
    from tsdg.seeds.catalogue.load import load

    recipe = compose_recipe(
        ["recipe=demo", "server=openai", "server.base_urls=[http://127.0.0.1:1/v1]"]
    )
    check_votes(recipe, ())
    for unit in load().units:
        load().family(unit.family)
    for domain in load_topics():
        topics_for(domain)
    labels_of("en")
    template()
    environment().get_template("report.html.j2")
    other_language("A text long enough that its language can be told.", "en")


def made(call: str, arguments: list[Any]) -> int:
    """Make one of ``CALLS`` and return its exit code."""
    module, _, name = CALLS[call].partition(":")
    function = getattr(importlib.import_module(module), name)
    done = function(arguments) if call == "tsdg" else function(*arguments)
    code: int | None = asyncio.run(done) if asyncio.iscoroutine(done) else done
    return code or 0


def child(order: dict[str, Any]) -> None:
    """Run one order to its end, and exit as any process does."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in ((1, order["out"]), (2, order["err"])):
        os.dup2(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644), number)
    if order["whole"]:
        os.environ.clear()
    os.environ.update(order["environment"])
    if user := os.environ.pop("ZYGOTE_USER", ""):
        become(*map(int, user.split(":")))
    time.tzset()
    # Processes that this one spawns would run the zygote's file again.
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.exit(made(order["call"], order["arguments"]))


def become(user: int, group: int, umask: int) -> None:
    """Be another user, who may read everything and write what is theirs.

    Python and tsdg may lie where only root gets in.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    keep_capabilities, ambient, raise_one, reads_all = 8, 47, 2, 2
    libc.prctl(keep_capabilities, 1, 0, 0, 0)
    os.setgroups([group])
    os.setgid(group)
    os.setuid(user)
    os.umask(umask)
    version, low = 0x20080522, 1 << reads_all
    header = (ctypes.c_uint32 * 2)(version, 0)
    sets = (ctypes.c_uint32 * 6)(low, low, low, 0, 0, 0)
    if libc.capset(header, sets) or libc.prctl(ambient, raise_one, reads_all, 0, 0):
        raise OSError(ctypes.get_errno(), "capset")


def deliver(*, signal: int, pid: int, group: bool) -> None:
    """Send a signal to a process that has not been waited for, or to its whole group."""
    try:
        (os.killpg if group else os.kill)(pid, signal)
    except ProcessLookupError:  # it has not made its group yet: it is all there is
        os.kill(pid, signal)


def say(**facts: int) -> None:
    os.write(1, (json.dumps(facts) + "\n").encode())


def main() -> None:
    for name in (*PRELOADED, *sys.argv[1:]):
        importlib.import_module(name)
    warm_up()
    gc.collect()
    gc.freeze()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests to handle
    running: set[int] = set()
    try:
        obey(reading, writing, running)
    finally:
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def obey(reading: int, writing: int, running: set[int]) -> None:
    """Do what standard input says, to its end; ``running`` holds the living children."""
    orders = b""
    while True:
        ready, _, _ = select.select([0, reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                running.discard(pid)
                say(ended=pid, code=os.waitstatus_to_exitcode(status))
        if 0 not in ready:
            continue
        data = os.read(0, 1 << 16)
        if not data:
            break
        *lines, orders = (orders + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "signal" in order:
                if order["pid"] in running:
                    deliver(**order)
                continue
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(reading)
                os.close(writing)
                running.clear()
                child(order)
            running.add(pid)
            say(started=pid)


if __name__ == "__main__":
    main()
