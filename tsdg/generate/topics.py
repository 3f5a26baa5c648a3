"""Topics for new questions, so that a question leaves the content of its seed.

The list (``data/topics.yaml``) goes by domain. A seed draws from the domains that its own names
(``science; multilingual`` draws from science), and from ``general`` where none of them has a list,
so that a medical question stays medical. Topics are short English noun phrases without proper
names. They are drawn for seeds of every language. Prompts are in English whatever the language of
the row, and name the language to write in, so the topic is part of the instruction, not of the
text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from tsdg.generate.draws import number, permutation


@cache
def load_topics() -> Mapping[str, tuple[str, ...]]:
    """Return the topics by domain, in the file's order."""
    data = yaml.safe_load(
        files("tsdg.generate").joinpath("data/topics.yaml").read_text(encoding="utf-8")
    )
    return {domain: tuple(topics) for domain, topics in data.items()}


@cache
def topics_for(domain: str) -> tuple[str, ...]:
    """Return the topics that suit a domain, shuffled once so that neighbours differ."""
    lists = load_topics()
    words = [word.strip().lower() for word in re.split("[;:,/|]", domain)]
    words += [part for word in words for part in word.replace("_", " ").split()]
    known = list(dict.fromkeys(word for word in words if word in lists)) or ["general"]
    found = tuple(dict.fromkeys(topic for word in known for topic in lists[word]))
    return tuple(found[index] for index in permutation(len(found), "topics", domain))


def draw_topic(domain: str, *, seed: int, row_id: str, draw: int) -> str:
    """Return the topic of one draw; draws of one row differ until the list is used up."""
    topics = topics_for(domain)
    return topics[(number("topic", seed, row_id) + draw) % len(topics)]
