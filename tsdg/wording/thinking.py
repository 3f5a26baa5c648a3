r"""The signs with which models set their thoughts apart from what they say.

These are pairs of tags (``<think>``, ``<reasoning>``, ``[THINK]`` ...) and the channels of
OpenAI's harmony format, with its special tokens or with what is left where a server drops them.

>>> parted("<think>six times seven</think>\n42"), parted("[THINK]hm[/THINK]42")
(('six times seven', '\n42'), ('hm', '42'))
>>> parted("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>42")
('hm', '42')
>>> parted("42") is None
True
"""

from __future__ import annotations

import re

_NAMES = r"think(?:ing)?|thoughts?|reasoning|analysis|scratchpad|seed:think"
_OPENS = (
    rf"<(?:{_NAMES})>|\[THINK\]|◁think▷|<\|(?:begin_of_thought|START_THINKING)\|>"
    r"|<\|channel>thought"
)
_CLOSES = rf"</(?:{_NAMES})>|\[/THINK\]|◁/think▷|<\|(?:end_of_thought|END_THINKING)\|>|<channel\|>"
_SIGNS = frozenset("<[◁")
"""With one of these each of the tags begins; most texts have none."""
_OPEN = re.compile(_OPENS, re.IGNORECASE)
_CLOSE = re.compile(_CLOSES, re.IGNORECASE)
# One that is never closed: at the start any, within a text only those that say nothing else.
_UNCLOSED = re.compile(rf"\s*(?:{_OPENS})|.*?<think(?:ing)?>", re.IGNORECASE | re.DOTALL)
_CHANNEL = re.compile(
    r"<\|channel\|>(?P<name>\w+)[^<]{0,200}<\|message\|>"
    r"(?P<body>.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)
_BARE_CHANNELS = re.compile(r"\s*analysis(?=[A-Z\s])(.*)assistant\s?final(.*)", re.DOTALL)
_REPLY_TAGS = re.compile(
    r"<\|(?:START_RESPONSE|END_RESPONSE|begin_of_solution|end_of_solution)\|>", re.IGNORECASE
)


def parted(text: str) -> tuple[str, str] | None:
    """Return (thought, rest) where a sign of the end of thinking stands; else None.

    Chat templates of some models open the tag in the prompt, so that only its end is seen.
    """
    if (channels := _of_channels(text)) is not None:
        return channels
    if _SIGNS.isdisjoint(text):
        return None
    closing = list(_CLOSE.finditer(text))
    if not closing:
        return None
    thought = _OPEN.sub("", _CLOSE.sub("", text[: closing[-1].start()])).strip()
    return thought, _REPLY_TAGS.sub("", text[closing[-1].end() :])


def unclosed(text: str) -> str | None:
    """Return the thought of a text whose thinking never came to an end; None where it has none."""
    match = None if _SIGNS.isdisjoint(text) else _UNCLOSED.match(text)
    return text[match.end() :].strip() if match else None


def _of_channels(text: str) -> tuple[str, str] | None:
    if found := list(_CHANNEL.finditer(text)):
        said = [one["body"] for one in found if one["name"] == "final"]
        thought = [one["body"].strip() for one in found if one["name"] != "final"]
        return "\n\n".join(thought), said[-1] if said else ""
    match = _BARE_CHANNELS.match(text) if text.lstrip().startswith("analysis") else None
    return (match[1].strip(), match[2]) if match else None
