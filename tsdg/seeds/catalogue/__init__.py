"""Which rows may be seeds, under which licence, and why.

Begin with ``model`` (what a family and a unit of source are) and ``load`` (the tables in ``data``).
``guard`` gives the verdict on any name; ``index`` knows all names of lm-eval.
"""
