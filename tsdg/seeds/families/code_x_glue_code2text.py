r"""CodeSearchNet: functions and their documentation.

lm-eval shows the tokens of the code and asks no question.

Hub paths ``CM/codexglue_code2text_go``, ``_java``, ``_javascript``, ``_php``, ``_python`` and
``_ruby``, splits train, validation and test (scored), C-UDA. The Python code has its docstring in
it. A record::

    {"id": 0, "repo": "a/b", "path": "m.py", "func_name": "double", "original_string": "...",
     "language": "python",
     "code": "def double(n):\n    \"\"\"Double a number.\"\"\"\n    return 2 * n",
     "code_tokens": ["def", ...], "docstring": "Double a number.", "docstring_tokens": ["Double",
     "a", "number", "."], "sha": "...", "url": "..."}
"""

from __future__ import annotations

import re
from html import unescape

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, found, text
from tsdg.seeds.rows.posts import telling
from tsdg.seeds.rows.residue import joined
from tsdg.seeds.rows.row_forms import Form

_NAMES = {"javascript": "JavaScript", "php": "PHP"}
_COMMENT = re.compile(r"^\s*(?:/{2,}|/\*+|\*+/|\*+(?=\s|$)|#+(?=\s))\s?")
_HEADER = re.compile(r"(?m)^\s*(?:#(?:end)?region\b(?:\s+#?\w+)*\s*)+$")
_INHERITED = re.compile(r"\{@inheritdoc\}", re.IGNORECASE)
_ENDS = re.compile(
    r"@\w|:\w+[^:]*:(?:\s|$)|</?(?:p|pre|ul|ol|dl|table|img|h\d)\b|[-=]{3,}"
    r"|(?:args?|arguments?|parameters?|params|returns?|raises|throws|examples?|usage|notes?)\s*:\s*$",
    re.IGNORECASE,
)
"""A line with which tags, lists and examples begin."""
_LINK = re.compile(r"\{@(?:link|linkplain|code|literal|value)\s+([^{}]*)\}")
_TAG = re.compile(
    r"</?(?:p|b|i|a|em|tt|br|code|strong|span|li|ul|img)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
_END = re.compile(r"\s*\*/$")
_LEADS_ON = re.compile(r"^(.*?[.!?])?\s*[^.!?]*:$")
"""A last sentence that leads to an example, which does not follow."""
_DOCSTRING = re.compile(r"\n[ \t]*[rRuUbB]{0,2}(\"\"\"|''').*?\1", re.S)


def item(row: Row) -> Item:
    """What the function does; the code without its docstring is the context."""
    language, code = text(row, "language"), text(row, "code")
    if language == "python":
        code = _DOCSTRING.sub("", code, count=1)
    name = _NAMES.get(language, language.capitalize())
    return Item(question=f"What does this {name} function do?", context=code)


def gold(row: Row, item: Item) -> Gold:
    """What the documentation says first: its first paragraph, before tags, examples and lists.

    The tokens of the source are often cut at a link's brace, and the tags alone.
    """
    written, tokens = row["docstring"], row.get("docstring_tokens")
    if not isinstance(written, str) and isinstance(tokens, (list, tuple)):
        written = joined(" ".join(map(str, tokens)), "en")
    if not isinstance(written, str):
        raise MalformedRowError("docstring", f"found {found(written)}, documentation is needed")
    return Gold(kind="text", answer=telling(_said(written), "docstring"))


def _said(documentation: str) -> str:
    """The first paragraph in plain words, up to what only leads to an example."""
    lines: list[str] = []
    for line in _HEADER.sub("", _INHERITED.sub("", documentation)).splitlines():
        line = _COMMENT.sub("", line).strip()
        if _ENDS.match(line) or (not line and lines):
            break
        lines.append(line)
    said = _TAG.sub("", _LINK.sub(_named, " ".join(" ".join(lines).split())))
    said = _END.sub("", unescape(" ".join(said.split())))
    return _LEADS_ON.sub(r"\1", said) if said.endswith(":") else said


def _named(match: re.Match[str]) -> str:
    """The text of a link, or else the name that it links to."""
    label = match[1].strip().partition(" ")[2]
    return label if match[0].startswith("{@link") and label else match[1].strip().lstrip("#")


FORMS = {
    "": Form(
        columns=("code", "docstring", "language"),
        item=item,
        gold=gold,
        verbatim=True,
    )
}
