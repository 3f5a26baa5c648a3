"""Ways from a seed to a new question: a weighted table by kind of item.

It is the file ``ways.yaml`` of a prompt set::

    word_problem:                        # a kind of item
      families: [gsm8k, mgsm]            # whose seeds are of it; or
      tasks: [aqua_rat, "wnli_*"]        # single tasks, by their names or patterns of them; or
      shapes: [{answers: [number], passage: false}]   # what no kind names and has such a form
      ways:
        another_unknown:                 # its name
          type: inspired                 # similar, inspired, neighbour, deeper or cross
          weight: 3                      # how often it is drawn beside the others
          text: Ask for another unknown of a situation of the same kind ...

A seed is of the first kind that names its task; else of a kind that names its family, of several
the first whose ``shapes`` suit it; else of the first kind whose ``shapes`` suit it, whatever that
names. The ways of one seed's draws are all different until they are used up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

import yaml

from tsdg.config.questions import WAY_TYPES, QuestionsConfig, WayType
from tsdg.errors import RecipeError
from tsdg.generate.draws import number
from tsdg.generate.schemas import Shape
from tsdg.records import ANSWER_KINDS, AnswerKind
from tsdg.rowform import stable_id

_UNIT = 1 << 31
_SHAPE_KEYS = ("answers", "passage", "options", "classes", "blanks", "instructions", "stand_alone")
_KIND_KEYS = ("families", "tasks", "shapes", "ways")
_WAY_KEYS = ("type", "weight", "text")
_STEP_MORE = "The new item is one step harder than the example, and not more."
_SAME_LEVEL = "The new item is as hard as the example: no more steps and no rarer knowledge."
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way from a seed to a question."""

    name: str
    """``<type>/<name>``, e.g. ``deeper/one_more_step``."""
    type: WayType
    weight: float
    text: str
    """Where it leads."""

    def told(self) -> str:
        """What the writer is told: where it leads, and how hard the new item should be.

        Writers make items harder than their examples where nothing holds them back.
        """
        return f"{self.text} {_STEP_MORE if self.type == 'deeper' else _SAME_LEVEL}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRule:
    """A form that an item may have; None stands for both."""

    answers: tuple[AnswerKind, ...]
    """Answer kinds; empty for all."""
    passage: bool | None
    options: bool | None
    """Whether it has options, or classes."""
    classes: bool | None
    blanks: bool | None
    instructions: bool | None
    stand_alone: bool | None

    def suits(self, shape: Shape) -> bool:
        """Whether a new question of this shape has the form."""
        if self.answers and shape.kind not in self.answers:
            return False
        has = {
            "passage": shape.context,
            "options": bool(shape.options or shape.labels),
            "classes": bool(shape.labels),
            "blanks": shape.blanks > 0,
            "instructions": bool(shape.instructions),
            "stand_alone": shape.stand_alone,
        }
        return all(getattr(self, key) in (None, value) for key, value in has.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemKind:
    """A kind of item and its ways."""

    name: str
    families: tuple[str, ...]
    tasks: tuple[str, ...]
    shapes: tuple[FormRule, ...]
    ways: tuple[Way, ...]

    def names(self, task: str) -> bool:
        """Whether a pattern of its tasks is that of a task."""
        return any(fnmatchcase(task, pattern) for pattern in self.tasks)

    def may_be(self, shape: Shape) -> bool:
        """Whether an item of its families may have a shape: any, where it has no forms."""
        return not self.shapes or self.suits(shape)

    def suits(self, shape: Shape) -> bool:
        """Whether one of its forms is that of a shape."""
        return any(rule.suits(shape) for rule in self.shapes)


def _is_weight(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


class Ways:
    """A checked table of ways."""

    def __init__(self, kinds: Sequence[ItemKind], text: str) -> None:
        self.kinds = tuple(kinds)
        self.text = text
        self.hash = stable_id([asdict(kind) for kind in self.kinds])

    def kind_of(self, task: str, family: str, shape: Shape) -> ItemKind:
        """Return the kind of item that a seed is.

        Args:
            task: of the seed.
            family: of the seed.
            shape: of a new question like it.
        """
        for kind in self.kinds:
            if kind.names(task):
                return kind
        of_family = [kind for kind in self.kinds if family in kind.families]
        for kind in of_family:
            if kind.may_be(shape):
                return kind
        return of_family[0] if of_family else next(k for k in self.kinds if k.suits(shape))

    def draw(
        self, kind: ItemKind, factors: Mapping[WayType, float], turn: int, *parts: object
    ) -> Way:
        """Return the way of a seed's draw number ``turn``.

        All ways in an order drawn by weight, the likely ones sooner (Efraimidis and Spirakis 2006);
        those of weight 0 never.

        Args:
            kind: of the seed.
            factors: type → factor on the weights; 1 for those not named.
            turn: number of the draw.
            parts: what it is drawn for: the run's seed and the row.
        """
        order = []
        for way in kind.ways:
            weight = way.weight * factors.get(way.type, 1.0)
            if weight > 0:
                chance = (number("way", *parts, way.name) + 0.5) / _UNIT
                order.append((-math.log(chance) / weight, way))
        order.sort(key=lambda pair: (pair[0], pair[1].name))
        return order[turn % len(order)][1]


def check_ways(ways: Ways | None, config: QuestionsConfig, where: str) -> None:
    """Check that a prompt set has the ways that a recipe asks for.

    Args:
        ways: of the prompt set; None where it has none.
        config: the recipe's.
        where: the file that holds them, or should.

    Raises:
        RecipeError: they are missing, or the recipe's factors leave a kind without one.
    """
    if not config.plan:
        return
    if ways is None:
        raise RecipeError(
            f"{where}: no such file; questions.plan=true needs the ways from a seed to a question: "
            "copy recipes/prompt/default/ways.yaml, or set questions.plan=false"
        )
    for kind in ways.kinds:
        if not any(way.weight * config.ways.get(way.type, 1.0) > 0 for way in kind.ways):
            raise RecipeError(
                f"questions.ways: leaves kind {kind.name} of {where} without a way; give one of "
                f"its types more than 0: {', '.join(sorted({way.type for way in kind.ways}))}"
            )


def read_ways(path: Path, text: str) -> Ways:
    """Read and check a table of ways.

    Raises:
        RecipeError: it is no such table; file, line, what was found and what is allowed.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RecipeError(f"{path}:{line}: not YAML: {error.problem}") from None
    reader = _Reader(path)
    kinds = [reader.kind(name, node) for name, node in reader.mapping(root, "the table").items()]
    if _ANY not in kinds[-1].shapes:
        raise RecipeError(
            f"{path}:1: the last kind must take every item that no other takes: shapes: [{{}}]"
        )
    return Ways(kinds, text)


_ANY = FormRule(
    answers=(),
    passage=None,
    options=None,
    classes=None,
    blanks=None,
    instructions=None,
    stand_alone=None,
)


class _Reader:
    """Takes YAML nodes apart, which know their lines."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def wrong(self, node: yaml.Node | None, what: str) -> RecipeError:
        line = node.start_mark.line + 1 if node is not None else 1
        return RecipeError(f"{self._path}:{line}: {what}")

    def mapping(
        self, node: yaml.Node | None, what: str, allowed: Sequence[str] = ()
    ) -> dict[str, yaml.Node]:
        """The values of a mapping by key, each key once and, where any are given, allowed."""
        if not isinstance(node, yaml.MappingNode) or not node.value:
            raise self.wrong(node, f"{what} is no mapping with at least one key")
        out: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if allowed and key.value not in allowed:
                raise self.wrong(
                    key, f"unknown key {key.value!r} of {what}; allowed: {', '.join(allowed)}"
                )
            if key.value in out:
                raise self.wrong(key, f"key {key.value!r} of {what} stands there twice")
            out[str(key.value)] = value
        return out

    def value(self, node: yaml.Node) -> Any:
        """The Python value of a node."""
        if isinstance(node, yaml.ScalarNode):
            loader = yaml.SafeLoader("")
            try:
                return loader.construct_object(node, deep=True)
            finally:
                loader.dispose()
        return None

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        """A list of texts."""
        if not isinstance(node, yaml.SequenceNode) or not all(
            isinstance(item, yaml.ScalarNode) and item.value for item in node.value
        ):
            raise self.wrong(node, f"{what} is no list of names")
        return tuple(str(item.value) for item in node.value)

    def kind(self, name: str, node: yaml.Node) -> ItemKind:
        parts = self.mapping(node, f"kind {name}", _KIND_KEYS)
        if "ways" not in parts or len(parts) == 1:
            raise self.wrong(
                node, f"kind {name} needs ways, and whom they suit: families, tasks or shapes"
            )
        ways = self.mapping(parts["ways"], f"ways of {name}")
        found = tuple(self.way(name, way, inner) for way, inner in ways.items())
        if not any(way.weight for way in found):
            raise self.wrong(parts["ways"], f"no way of {name} has a weight above 0")
        return ItemKind(
            name=name,
            families=self.texts(parts["families"], "families") if "families" in parts else (),
            tasks=self.texts(parts["tasks"], "tasks") if "tasks" in parts else (),
            shapes=self.shapes(parts["shapes"]) if "shapes" in parts else (),
            ways=found,
        )

    def way(self, kind: str, name: str, node: yaml.Node) -> Way:
        what = f"way {name} of {kind}"
        parts = self.mapping(node, what, _WAY_KEYS)
        if missing := [key for key in _WAY_KEYS if key not in parts]:
            raise self.wrong(node, f"{what} lacks {', '.join(missing)}")
        type_, weight, text = (self.value(parts[key]) for key in _WAY_KEYS)
        if type_ not in get_args(WayType):
            raise self.wrong(
                parts["type"], f"type of {what} is {type_!r}; allowed: {', '.join(WAY_TYPES)}"
            )
        if not _is_weight(weight):
            raise self.wrong(
                parts["weight"], f"weight of {what} is {weight!r}; allowed: a number, 0 and more"
            )
        if not isinstance(text, str) or not text.strip():
            raise self.wrong(parts["text"], f"text of {what} is empty or no text")
        return Way(
            name=f"{type_}/{name}", type=type_, weight=float(weight), text=" ".join(text.split())
        )

    def shapes(self, node: yaml.Node) -> tuple[FormRule, ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self.wrong(node, "shapes is no list of forms such as {answers: [number]}")
        return tuple(self.rule(item) for item in node.value)

    def rule(self, node: yaml.Node) -> FormRule:
        if isinstance(node, yaml.MappingNode) and not node.value:
            return _ANY
        parts = self.mapping(node, "a form", _SHAPE_KEYS)
        values: dict[str, Any] = dict.fromkeys(_SHAPE_KEYS) | {"answers": ()}
        for key, inner in parts.items():
            if key == "answers":
                values[key] = self.texts(inner, "answers")
                if unknown := set(values[key]) - set(ANSWER_KINDS):
                    raise self.wrong(
                        inner,
                        f"unknown answer kind {min(unknown)!r}; allowed: {', '.join(ANSWER_KINDS)}",
                    )
                continue
            values[key] = self.value(inner)
            if not isinstance(values[key], bool):
                raise self.wrong(inner, f"{key} of a form is {values[key]!r}; allowed: true, false")
        return FormRule(**values)
