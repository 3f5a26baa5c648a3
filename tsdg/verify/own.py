"""A user's own verifier: ``verifiers/NAME.py`` in a folder that ``--config-dir`` names.

The file declares one thing, ``VERIFIER``::

    VERIFIER = OwnVerifier(
        verifier=Temperature(),
        same=[("25 °C", "It has 77 °F.")],
        different=[("25 °C", "25 °F")],
        abstains=["It is warm."],
    )

``Temperature`` meets :class:`tsdg.protocols.Verifier`. The examples are what a person expects of
it. They are read and compared when the verifier is first used, before anything is generated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tsdg.config import extensions
from tsdg.config.verifier_name import BUILT_IN
from tsdg.errors import CatalogueError
from tsdg.protocols import Asked, Prover, Verifier
from tsdg.records import ANSWER_KINDS, AnswerKind

NOTHING_ASKED = Asked(question="", context="", options=(), checks=())
_LONGEST = 80
"""Characters of a value that a line shows."""


@dataclass(frozen=True, kw_only=True)
class OwnVerifier:
    """What ``VERIFIER`` in ``verifiers/NAME.py`` is: a verifier, and what it is tested by."""

    verifier: Verifier
    same: Sequence[tuple[str, str]]
    """Pairs of replies whose answers are the same; at least one."""
    different: Sequence[tuple[str, str]]
    """Pairs of replies whose answers are not the same; at least one."""
    abstains: Sequence[str]
    """Replies that hold no answer; at least one."""
    asked: Asked = NOTHING_ASKED
    """The question that all the examples reply to, where the verifier looks at it."""


class _Guarded:
    """A user's own verifier that gives what the vote can count, or raises."""

    def __init__(self, verifier: Verifier) -> None:
        self.kind: AnswerKind = verifier.kind
        self.method: str = verifier.method
        self._verifier = verifier

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the answer in normal form, or None.

        Raises:
            TypeError: it is neither.
        """
        answer = self._verifier.read(text, asked)
        if answer is not None and not isinstance(answer, str):
            raise TypeError(f"read gave {_shown(answer)}, allowed: a text or None")
        return answer or None

    def same(self, left: str, right: str) -> bool:
        """Whether two answers in normal form say the same."""
        return bool(self._verifier.same(left, right))


def own_verifier(name: str) -> Verifier:
    """Return a user's own verifier, whose examples it has passed.

    Raises:
        CatalogueError: there is none of this name, or it is not as it must be.
    """
    file = extensions.files("verifiers", ".py").get(name)
    if file is None:
        raise CatalogueError(
            f"verifier {name}: there is no file verifiers/{name}.py; name its folder with "
            "--config-dir"
        )
    return _checked(file)


def own_files(names: Iterable[str]) -> dict[str, str]:
    """Read the files of the verifiers that are the user's own.

    Returns:
        ``verifiers/NAME.py`` → its text.
    """
    files = extensions.files("verifiers", ".py")
    return {
        f"verifiers/{name}.py": files[name].read_text(encoding="utf-8")
        for name in sorted(set(names) & set(files) - set(BUILT_IN))
    }


def check_file_names() -> None:
    """Refuse a file that is called as one of tsdg's verifiers: it would never be used.

    Raises:
        CatalogueError: there is one.
    """
    for name, file in extensions.files("verifiers", ".py").items():
        if name in BUILT_IN:
            raise CatalogueError(
                f"{file}: verifier {name} is one of tsdg's; give the file another name"
            )


@cache
def _checked(file: Path) -> Verifier:
    own = getattr(extensions.load_module(file), "VERIFIER", None)
    if not isinstance(own, OwnVerifier):
        raise CatalogueError(
            f"{file}: VERIFIER: found {_shown(own)}, allowed: OwnVerifier(verifier=..., same=..., "
            "different=..., abstains=...)"
        )
    problem = next(_problems(own, file.stem), None)
    if problem:
        raise CatalogueError(f"{file}: {problem}; correct the verifier or the example")
    return _Guarded(own.verifier)


def _problems(own: OwnVerifier, name: str) -> Iterator[str]:
    """Yield what is wrong, the verifier's own parts first, as a line that needs no file."""
    yield from _of_parts(own.verifier)
    yield from _of_form(own, name)
    verifier = _Guarded(own.verifier)
    for number, pair in enumerate(own.same, 1):
        yield from _of_pair(f"same[{number}]", verifier, own.asked, pair, expected=True)
    for number, pair in enumerate(own.different, 1):
        yield from _of_pair(f"different[{number}]", verifier, own.asked, pair, expected=False)
    for number, text in enumerate(own.abstains, 1):
        read = _read(verifier, text, own.asked)
        if read is not None:
            yield f"abstains[{number}]: {_shown(text)} is read as {_told(read)}, expected None"


def _of_parts(verifier: object) -> Iterator[str]:
    """What a verifier lacks of :class:`tsdg.protocols.Verifier`."""
    kind, method = (getattr(verifier, part, None) for part in ("kind", "method"))
    if kind not in ANSWER_KINDS:
        yield f"kind: found {_shown(kind)}, allowed: {', '.join(ANSWER_KINDS)}"
    if not isinstance(method, str) or method in {"", "none"}:
        yield f"method: found {_shown(method)}, allowed: 'vote', or what is done beside it"
    for part in ("read", "same"):
        if not callable(getattr(verifier, part, None)):
            yield f"{part}: found {_shown(getattr(verifier, part, None))}, allowed: a method"
    if isinstance(verifier, Prover):
        yield "prove: found a verifier that tests answers itself, allowed: read and same alone"


def _of_form(own: OwnVerifier, name: str) -> Iterator[str]:
    """Examples that are missing, or are no texts."""
    for part in ("same", "different", "abstains"):
        given = getattr(own, part)
        each = "a text" if part == "abstains" else "a pair of texts"
        if isinstance(given, str) or not isinstance(given, Sequence):
            yield f"{part}: found {_shown(given)}, allowed: a list, each {each}"
            continue
        if not given:
            yield f"verifier {name} has no examples of {part!r}; give at least one, {each}"
        for number, example in enumerate(given, 1):
            if not (isinstance(example, str) if part == "abstains" else _is_pair(example)):
                yield f"{part}[{number}]: found {_shown(example)}, allowed: {each}"


def _is_pair(example: object) -> bool:
    return (
        isinstance(example, tuple | list)
        and len(example) == 2
        and all(isinstance(text, str) for text in example)
    )


def _of_pair(
    where: str, verifier: Verifier, asked: Asked, pair: tuple[str, str], *, expected: bool
) -> Iterator[str]:
    answers = [_read(verifier, text, asked) for text in pair]
    for text, answer in zip(pair, answers, strict=True):
        if not isinstance(answer, str):
            yield f"{where}: {_shown(text)} is read as {_told(answer)}, expected an answer"
            return
    left, right = map(str, answers)
    # Both ways round, as a vote compares in whatever order samples come.
    for one, other, wanted in (
        (left, right, expected),
        (right, left, expected),
        (left, left, True),
    ):
        try:
            said = verifier.same(one, other)
        except Exception as error:
            yield f"{where}: same({_shown(one)}, {_shown(other)}) raised {_line(error)}"
            return
        if said != wanted:
            yield f"{where}: same({_shown(one)}, {_shown(other)}) is {said}, expected {wanted}"
            return


def _read(verifier: Verifier, text: str, asked: Asked) -> str | Exception | None:
    try:
        return verifier.read(text, asked)
    except Exception as error:
        return error


def _told(read: str | Exception | None) -> str:
    return f"an exception ({_line(read)})" if isinstance(read, Exception) else _shown(read)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
