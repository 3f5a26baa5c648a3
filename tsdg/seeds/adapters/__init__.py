"""One small module per family whose lm-eval template gives no usable question.

Each has either ``FORMS``, one :class:`tsdg.seeds.forms.Form` per config or data set, or the
functions ``columns(unit)``, ``shuffle(unit)``, ``item(row, unit)`` and ``gold(row, unit, item)``;
see :mod:`tsdg.seeds.item` for what they return and raise. The record in a module's docstring is in
the hub's columns and was written for it.
"""
