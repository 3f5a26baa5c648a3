"""The typed configuration of ``tsdg eval``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from tsdg.config.base import Config, PositiveInt, TimeLimit


class EvalConfig(Config):
    """What is evaluated, with which command, and where."""

    groups: Annotated[dict[str, tuple[str, ...]], Field(min_length=1)]
    """Capability group → lm-eval tasks."""
    only: tuple[str, ...]
    """Groups to evaluate; empty for all."""
    command: Annotated[tuple[str, ...], Field(min_length=1)]
    """lm-eval's command, in the environment that evaluates."""
    backend: str
    """lm-eval's ``--model``."""
    model_args: dict[str, str | int | float | bool]
    """Further arguments of the backend."""
    tensor_parallel: PositiveInt
    """GPUs of one evaluation."""
    batch_size: str | int
    """lm-eval's ``--batch_size``."""
    code_runs: bool
    """Whether tasks may run code that the model writes."""
    out: str
    """Folder that the results are written to."""
    cluster: str
    """NAME of ``cluster_configs/NAME.yaml``, or a path; empty to print the commands."""
    time_limit: TimeLimit
    """Time limit of a job; empty for the cluster file's."""

    @field_validator("groups", mode="before")
    @classmethod
    def _task_tuples(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {
            name: tuple(tasks) if isinstance(tasks, list) else tasks
            for name, tasks in value.items()
        }
