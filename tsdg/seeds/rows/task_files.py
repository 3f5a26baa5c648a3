"""Where lm-eval's tasks lie, and one of its YAML files read with its own loader."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tsdg.errors import MachineError

_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE", "TRANSFORMERS_OFFLINE")
_FUNCTION = re.compile(r"[\w.]*\.\w+")


def tasks_folder() -> Path:
    """Return lm-eval's folder of tasks, without importing lm-eval.

    Raises:
        MachineError: lm-eval is not installed.
    """
    spec = importlib.util.find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        raise MachineError(
            "lm-eval is not installed, and its tasks define the seeds; install tsdg's base with pip"
        )
    return Path(spec.submodule_search_locations[0]) / "tasks"


@contextmanager
def _offline() -> Iterator[None]:
    """Undo what a task module changes on import to go offline, also for later servers."""
    from huggingface_hub import (
        constants,
    )  # it reads the variables once; a prefetch in this process is online again

    before = {name: os.environ.get(name) for name in _OFFLINE}
    online = not constants.HF_HUB_OFFLINE
    os.environ.update(dict.fromkeys(_OFFLINE, "1"))
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = not online
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def load_config(path: Path) -> dict[str, Any]:
    """Load a task's YAML with its includes.

    The functions it uses for rendering are resolved, metrics are not.

    Many a task cannot be imported for a metric that is never computed here, so only what renders is
    imported.

    Raises:
        MachineError: the file is missing or broken, or one of those functions cannot be
            imported.
    """
    try:
        with _offline():
            from lm_eval.tasks._yaml_loader import load_yaml

            config: dict[str, Any] = load_yaml(path, resolve_func=False)
            for key in ("process_docs", "doc_to_text", "doc_to_target", "doc_to_choice"):
                config[key] = _resolved(config.get(key))
    except KeyboardInterrupt:
        raise
    except (
        BaseException
    ) as error:  # a task module may do anything when imported, SystemExit included
        if isinstance(error, MachineError):
            raise
        reason = " ".join(str(error).split())
        raise MachineError(
            f"lm-eval task file {path}: cannot be loaded ({type(error).__name__}: {reason}); "
            "take the task out of seeds.tasks or install what it needs"
        ) from None
    return config


def _resolved(value: Any) -> Any:
    """Import the function that lm-eval's loader names as ``/folder/of/yaml/module.function``."""
    if not isinstance(value, str) or not value.startswith("/") or "\n" in value:
        return value
    base, name = Path(value).parent, Path(value).name
    if not base.is_dir() or not _FUNCTION.fullmatch(name):
        return value
    from lm_eval.tasks._yaml_loader import _import_func_in_yml

    return _import_func_in_yml(name, base)
