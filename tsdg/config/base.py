"""What all typed configuration shares."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator


class Config(BaseModel):
    """Base of all parts of a recipe: frozen, unknown keys refused, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())

    # Hydra hands over lists; the frozen models hold tuples.
    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, data: object) -> object:
        if isinstance(data, dict):
            return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        return data
