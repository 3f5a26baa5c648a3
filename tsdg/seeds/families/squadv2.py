"""SQuAD 2.0: questions on Wikipedia paragraphs.

Questions that the paragraph does not answer are rejected as malformed.

Hub path ``lighteval/squad_v2``, splits train (130,319, 43,498 of them unanswerable) and validation
(scored), CC-BY-SA-4.0. A record::

    {"id": "a1", "title": "Basel", "context": "Basel lies on the Rhine.",
     "question": "On what river does Basel lie?", "answers": {"text": ["Rhine"],
     "answer_start": [18]}}
"""

from __future__ import annotations

from tsdg.seeds.rows.row_forms import extracted

# "Unanswerable" is no text of the passage and no answer to write new questions for: such rows are
# malformed.
FORMS = {"": extracted(question="question", context="context", answers="answers")}
