"""One small module per family whose lm-eval template gives no usable question.

Each has ``FORMS``: one :class:`tsdg.seeds.rows.row_forms.Form` per config, data set or language, or
the one form ``""`` of all. The record in a module's docstring is in the hub's columns and was
written for it. Begin with ``renderers``, which finds a family's forms; ``commonsense_qa`` and
``glue`` are short ones.
"""
