"""What is done to all rows of a run at once: duplicates, near-duplicates, held-out items, width.

Begin with ``gather.py``, which turns the parts of a phase into tables without them.
"""
