"""What is done to all rows of a run together: duplicates, held-out items, syllabus, diversity.

Begin with ``gather.py``, which turns the parts of a phase into tables.

::

    dedup.py, near*.py          equal and near-duplicate questions
    decontamination.py          questions that are held-out items
    studies.py, syllabus.py     what the study found; balance.py keeps to its shares
    repeats.py, growth.py       how many questions would repeat among many more
    width.py, narrow.py         how varied questions are, beside their seeds
"""
