"""What all typed configuration shares."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tsdg.amounts import whole_number


def _amount(value: object) -> object:
    """A whole number that is written as ``10B`` or ``1e10``; anything else as it is."""
    if isinstance(value, str):
        number = whole_number(value)
        return value if number is None else number
    return int(value) if isinstance(value, float) and value.is_integer() else value


PositiveInt = Annotated[int, Field(ge=1), BeforeValidator(_amount)]
NonNegativeInt = Annotated[int, Field(ge=0), BeforeValidator(_amount)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveFloat = Annotated[float, Field(gt=0.0)]
PositiveShare = Annotated[float, Field(gt=0.0, le=1.0)]
# A description stands in messages for what is allowed, where the type alone does not say it.
TimeLimit = Annotated[
    str,
    Field(
        pattern=r"^$|^(\d+-)?\d{1,2}:\d{2}:\d{2}$",
        description="[DAYS-]HH:MM:SS as a quoted text, or empty",
    ),
]


class Config(BaseModel):
    """Base of all parts of a recipe: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=()
    )

    # Hydra hands over lists; the frozen models hold tuples.
    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, data: object) -> object:
        if isinstance(data, dict):
            return {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in data.items()
            }
        return data
