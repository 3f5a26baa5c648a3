"""XNLI in Basque, translated by machine (``eu_mt``) and corrected by hand (``eu``).

The training split of ``eu`` is the machine's as well.

Hub path ``HiTZ/xnli-eu``, splits train (392,702), validation and test (scored), CC-BY-NC-4.0. A
record::

    {"premise": "Argi guztiak itzalita zeuden.", "hypothesis": "Ilun zegoen.", "label": 0}
"""

from __future__ import annotations

from tsdg.seeds.families.xnli import FORMS

__all__ = ["FORMS"]
