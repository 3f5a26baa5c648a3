"""Stage 1: from lm-eval task names to normalised seeds, of proven training splits only.

``catalogue`` says what may be used, ``guard`` refuses the rest, ``mirror`` reads the splits,
``lmeval`` and ``adapters`` render their rows, ``leaks`` knows the held-out items, and ``collect``
puts it together. No run calls ``audit``: the tests hold the rendered seeds of every adapter to it.
"""
