"""Which models are served for a phase, and where each request goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.config.recipe import Recipe, Role, StepName
from tsdg.config.roles import base_model, owner_of, role_config
from tsdg.errors import RecipeError
from tsdg.protocols import Load, ReplicaFacts, Reply, Request, Transport


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedModel:
    """A model and where it is served."""

    model: ModelConfig
    server: ServerConfig
    folder: str
    """For its logs, below the run's; empty for the run's own model."""

    def _identity(self) -> tuple[str, str]:
        # How it is asked differs between roles that share it.
        asked = {"request", "modes", "sampling", "note", "licence", "facts", "throughput"}
        return self.model.model_dump_json(exclude=asked), self.server.model_dump_json()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServedModel) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


def models_of(recipe: Recipe) -> tuple[ModelConfig, ...]:
    """Every model that a run asks, each once: writer, solver, judge."""
    roles = [role for steps in recipe.phases for role in roles_of(recipe, steps)]
    return tuple(
        {model.name: model for model in (base_model(recipe, role) for role in roles)}.values()
    )


def roles_of(recipe: Recipe, steps: Sequence[StepName]) -> tuple[Role, ...]:
    """The roles that a phase needs: its steps, who explains their answers, and the judge."""
    roles: list[Role] = list(steps)
    if "answers" in steps and recipe.answers.second:
        roles.append("escalate")
    if "answers" in steps and "enriched" in recipe.answers.variants:
        roles.append("enrich")
    judge = recipe.judge
    if judge.enabled and (
        ("questions" in steps and judge.question_min_score)
        or ("answers" in steps and (judge.min_score or judge.best_of))
    ):
        roles.append("judge")
    return tuple(roles)


def served_models(recipe: Recipe, steps: Sequence[StepName]) -> tuple[ServedModel, ...]:
    """The endpoints of a phase, each once.

    Raises:
        RecipeError: one model name is served in two ways, so that a request could not be told where
            to go.
    """
    found: dict[ServedModel, None] = {}
    for role in roles_of(recipe, steps):
        owner = owner_of(recipe, role)
        own = role_config(recipe, owner).server if owner else None
        served = ServedModel(
            model=base_model(recipe, role), server=own or recipe.server, folder=owner or ""
        )
        found.setdefault(served)
    names = [endpoint.model.name for endpoint in found]
    if len(set(names)) < len(names):
        raise RecipeError(
            f"roles: model {max(names, key=names.count)} is served in two ways in one phase; give "
            "its roles one server"
        )
    return tuple(found)


class ByModel:
    """A transport over several: each request goes to the one that serves its model."""

    def __init__(self, transports: Mapping[str, Transport]) -> None:
        self._transports = dict(transports)

    async def send(self, request: Request) -> Reply:
        """Send to the transport of the request's model."""
        return await self._transports[request.model].send(request)

    async def load(self) -> Load:
        """The load of all replicas of all models."""
        loads = [await transport.load() for transport in self._transports.values()]
        return Load(
            replicas=sum(load.replicas for load in loads),
            running=sum(load.running for load in loads),
            waiting=sum(load.waiting for load in loads),
            kv_cache_usage=max(load.kv_cache_usage for load in loads),
        )

    def replicas(self) -> Sequence[ReplicaFacts]:
        """The replicas of all models."""
        return [
            replace(facts, name=f"{model}/{facts.name}")
            for model, transport in self._transports.items()
            for facts in transport.replicas()
        ]
