"""The reference and the table of keys are what the typed models and the commands say."""

from __future__ import annotations

import pytest

from tsdg.commands.key_table import TABLE
from tsdg.commands.table import COMMANDS
from tsdg.config.base import Config
from tsdg.config.key_list import keys_of, shown_default
from tsdg.views.reference import PAGE, key_rows, page_text, table_text


def test_the_files_are_as_they_would_be_written_now() -> None:
    rows = key_rows()
    stale = [
        file.name
        for file, text in ((TABLE, table_text(rows)), (PAGE, page_text(rows)))
        if file.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run `make reference`, and commit what it writes"


def test_every_key_has_a_comment_that_is_a_sentence() -> None:
    rows = key_rows()
    bare = [row.name for row in rows if not row.comment.endswith(".")]
    assert bare == [], "say below each what it is, in a sentence"
    assert [row.name for row in rows if ":mod:" in row.comment or "``" in row.comment] == []


def test_the_page_has_every_command_and_key() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"#### tsdg {name}\n" in page for name in COMMANDS)
    assert all(row.name in page for row in key_rows())


class Inner(Config):
    size: int = 3
    """How large."""


class Outer(Config):
    one: Inner
    """Never shown: the key has keys of its own."""
    several: dict[str, Inner]
    """By name."""
    bare: bool


def test_keys_come_from_the_models() -> None:
    keys = {key.name: key for key in keys_of(Outer, {"one": {"size": 5}, "several": {}})}
    assert list(keys) == ["one.size", "several", "several.NAME.size", "bare"]
    assert (keys["one.size"].default, keys["several.NAME.size"].default) == ("5", "3")
    assert keys["one.size"].allowed == "a whole number"
    assert (keys["bare"].comment, keys["bare"].default) == ("", "")
    assert keys["bare"].values == ("true", "false")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("???", ""),
        ("", "''"),
        (0.5, "0.5"),
        (["a", "b"], "[a, b]"),
        ("${oc.env:HERE,there}", "$HERE, else there"),
        ('${oc.env:HERE,""}', "$HERE, else empty"),
        ("${sampled:judge,top_p}", "the model's"),
        ("${sampled:study,max_tokens,300,8192}", "the model's, at most 300; 8192 where it thinks"),
        ("${.name}", "that of name"),
    ],
)
def test_a_default_is_told_as_what_it_follows_from(value: object, shown: str) -> None:
    assert shown_default(value) == shown
