"""CoQA: conversations about a story.

Each row is one conversation. Its last turn is the question, as in lm-eval.

Hub path ``EleutherAI/coqa``, splits train (7,199 conversations) and validation (scored), mixed
licences. A record::

    {"id": "c1", "source": "wikipedia", "story": "Tom had two dogs, Rex and Ben.",
     "questions": {"input_text": ["What had Tom?", "How many?"], "turn_id": [1, 2]},
     "answers": {"input_text": ["dogs", "two"], "span_text": [...], ...},
     "additional_answers": {"0": {"input_text": ["dogs", "2"], ...}, "1": {...}, "2": {...}}}
"""

from __future__ import annotations

from tsdg.seeds.rows.row_forms import talked

FORMS = {"": talked()}
