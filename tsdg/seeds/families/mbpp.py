r"""MBPP: write a Python function that a sentence describes.

lm-eval's gold is the tests. Here they are the checks.

Hub path ``google-research-datasets/mbpp``, config ``full``, splits train (374), validation, test,
prompt; CC-BY-4.0. A record::

    {"task_id": 700, "text": "Write a function to double a number.",
     "code": "def double(n):\r\n    return 2 * n", "test_list": ["assert double(2) == 4"],
     "test_setup_code": "", "challenge_test_list": []}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, found, text, texts
from tsdg.seeds.rows.row_forms import Form


def item(row: Row) -> Item:
    """The description."""
    return Item(question=text(row, "text"))


def gold(row: Row, item: Item) -> Gold:
    """The reference code, and the assertions (each with the set-up it needs)."""
    setup = row["test_setup_code"]
    if setup is not None and not isinstance(setup, str):
        raise MalformedRowError("test_setup_code", f"found {found(setup)}, a text is needed")
    lead = _unix(setup).strip() + "\n" if setup and setup.strip() else ""
    checks = tuple(lead + _unix(check) for check in texts(row, "test_list"))
    return Gold(kind="code", answer=_unix(text(row, "code")), checks=checks)


def _unix(code: str) -> str:
    """The source has Windows line ends and blanks before them."""
    return "\n".join(line.rstrip() for line in code.splitlines())


FORMS = {
    "": Form(
        columns=("text", "code", "test_list", "test_setup_code"),
        item=item,
        gold=gold,
        verbatim=True,
    )
}
