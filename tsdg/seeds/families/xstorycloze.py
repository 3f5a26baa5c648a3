"""XStoryCloze: the right one of two endings of a four-sentence story, in eleven languages.

Hub path ``juletxara/xstory_cloze``, configs ``ar en es eu hi id my ru sw te zh``, splits train (360
each) and eval (scored), CC-BY-SA-4.0. A record::

    {"story_id": "0", "input_sentence_1": "Leo found a kitten.",
     "input_sentence_2": "It was cold and hungry.", "input_sentence_3": "He took it home.",
     "input_sentence_4": "His mother warmed some milk.",
     "sentence_quiz1": "The kitten drank all of it.", "sentence_quiz2": "Leo flew to the moon.",
     "answer_right_ending": 1}
"""

from __future__ import annotations

from tsdg.seeds.rows.phrases import wordings
from tsdg.seeds.rows.row_forms import continued

_UNSPACED = ("zh",)

FORMS = {
    language: continued(
        "xstorycloze",
        language,
        story=tuple(f"input_sentence_{number}" for number in range(1, 5)),
        endings=("sentence_quiz1", "sentence_quiz2"),
        label="answer_right_ending",
        base=1,
        between="" if language in _UNSPACED else " ",
    )
    for language in wordings("xstorycloze")
}
