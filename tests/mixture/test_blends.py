"""Blends: the forms that trainers read."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, model_validator

from tests.mixture.test_allocate import config, part
from tsdg.mixture import blends
from tsdg.mixture.allocate import allocate


class Dataset(BaseModel):
    """The fields of an entry of Nemotron's blend, as its data preparation declares them."""

    model_config = ConfigDict(extra="forbid")
    name: str
    path: str
    weight: float = 1.0
    split: str | None = None
    subset: str | None = None
    text_field: str = "text"


class Blend(BaseModel):
    """The two forms of Nemotron's blend: one list, or one list per split."""

    model_config = ConfigDict(extra="forbid")
    datasets: list[Dataset] | None = None
    train: list[Dataset] | None = None
    valid: list[Dataset] | None = None
    test: list[Dataset] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Blend:
        assert (self.datasets is not None) != any([self.train, self.valid, self.test])
        return self


@given(st.lists(st.floats(1e-15, 1e12), min_size=1, max_size=50))
def test_weights_add_up_to_exactly_one(shares: list[float]) -> None:
    weights = [Decimal(weight) for weight in blends.weights_of(shares)]
    assert sum(map(Fraction, weights)) == 1
    assert min(weights) > 0
    assert not any("E" in weight for weight in blends.weights_of(shares))
    assert all(
        abs(float(w) - s / sum(shares)) <= 2e-9 for w, s in zip(weights, shares, strict=True)
    )


def test_nemotron_reads_both_forms() -> None:
    a, b = part("run/a", 10), part("b", 30)
    one = Blend.model_validate(blends.nemotron({"train": [(a, 0.25), (b, 0.75)], "valid": []}))
    assert one.datasets is not None
    assert [(entry.name, entry.weight) for entry in one.datasets] == [("run--a", 0.25), ("b", 0.75)]
    split = Blend.model_validate(
        blends.nemotron({"train": [(a, 1.0)], "valid": [(b, 30.0)], "test": []})
    )
    assert split.train is not None
    assert split.valid is not None
    assert split.test is None
    assert split.valid[0].weight == 1.0


def test_megatron_gets_weights_and_prefixes_in_turn_and_no_weight_of_zero() -> None:
    listed = blends.megatron(
        [(part("x/a", 1), 0.5), (part("b", 1), 0.0), (part("c", 1), 0.5)], "/tok/{name}_text"
    )
    assert listed[1::2] == ["/tok/x--a_text", "/tok/c_text"]
    assert sum(Decimal(weight) for weight in listed[::2]) == 1


def test_the_plot_is_xml_and_shows_every_part_twice() -> None:
    allotments = allocate([part("a<b", 100), part("c", 300)], config(budget=400))
    root = ET.fromstring(blends.plot(allotments))
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("25.0%") == 2
    assert texts.count("75.0%") == 2
    assert "a<b" in texts
