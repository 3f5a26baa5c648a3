"""A launch looks at everything once: recipes over many tasks make each look take seconds."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tsdg.cli import run_command

ROOT = Path(__file__).parents[2]
LOOKS = {
    "tsdg.seeds.draw.selection": ("survey",),
    "tsdg.seeds.draw.quotas": ("solve",),
    "tsdg.generate.prompt_files": ("load_prompts",),
    "tsdg.slurm.cluster": ("read_cluster",),
    "tsdg.run.verifiers": ("check_verifiers",),
}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the calls of each look, whoever has imported it under whatever name."""
    import_module("tsdg.launch.launch_run")
    import_module("tsdg.commands.launch")
    counts: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            counts[name] += 1
            return real(*arguments, **named)

        return call

    for home, names in LOOKS.items():
        for name in names:
            real = getattr(sys.modules[home], name)
            replacement = counting(name, real)
            for module in list(sys.modules.values()):
                if getattr(module, "__name__", "").startswith("tsdg.") and (
                    vars(module).get(name) is real
                ):
                    monkeypatch.setattr(module, name, replacement)
    return counts


# NeMo-Run leaves files open.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_dry_launch_looks_once(
    looks: Counter[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["recipe=demo", "seeds.mirror=", f"output_root={tmp_path}", "--dry-run"]
    cluster = f"cluster={ROOT / 'cluster_configs' / 'dev.yaml'}"
    assert run_command(["launch", cluster, *words]) == 0, capsys.readouterr().err
    assert "nothing was written or submitted" in capsys.readouterr().out
    assert looks == {name: 1 for names in LOOKS.values() for name in names}
