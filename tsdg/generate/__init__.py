"""Stages 2 and 3: a model studies seeds, writes new questions and answers them.

Begin with ``study.py``, ``questions.py`` and ``answers.py``: a step each, an async function of one
row and of the replies it asks for. What they hand to a model is in ``prompts.py``, ``fields.py``
and ``schemas.py``; what they make of its replies in ``replies.py``, ``checks.py``,
``answer_samples.py``, ``voting.py`` and ``judge.py``. Only the steps and the judge ask; the rest is
pure.
"""
