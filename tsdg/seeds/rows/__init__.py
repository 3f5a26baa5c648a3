"""One source row → a question, its right answer and what else the source says.

Begin with ``item`` (the three things that a row gives, and the readers of columns) and
``row_forms`` (how a family declares them). ``render`` checks them and builds the seed, ``lmeval``
reads rows by lm-eval's own tasks (``task_files`` loads them, ``templates`` compiles what is in
them), ``phrases`` words questions in the data's language, and ``keys`` says when two items are the
same.
"""
