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

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, found, text
from tsdg.seeds.rows.residue import joined
from tsdg.seeds.rows.row_forms import Form

_NAMES = {"javascript": "JavaScript", "php": "PHP"}
_DOCSTRING = re.compile(r"\n[ \t]*[rRuUbB]{0,2}(\"\"\"|''').*?\1", re.S)


def item(row: Row) -> Item:
    """What the function does; the code without its docstring is the context."""
    language, code = text(row, "language"), text(row, "code")
    if language == "python":
        code = _DOCSTRING.sub("", code, count=1)
    name = _NAMES.get(language, language.capitalize())
    return Item(question=f"What does this {name} function do?", context=code)


def gold(row: Row, item: Item) -> Gold:
    """The first paragraph of the documentation, put together again."""
    tokens = row["docstring_tokens"]
    if not isinstance(tokens, (list, tuple)) or not all(isinstance(token, str) for token in tokens):
        raise MalformedRowError(
            "docstring_tokens", f"found {found(tokens)}, a list of tokens is needed"
        )
    answer = joined(" ".join(" ".join(tokens).split()), "en")
    if not answer:
        raise MalformedRowError("docstring_tokens", "found no documentation")
    return Gold(kind="text", answer=answer)


FORMS = {
    "": Form(columns=("code", "docstring_tokens", "language"), item=item, gold=gold, verbatim=True)
}
