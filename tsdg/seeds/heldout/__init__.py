"""Which items also stand in a split that somebody scores.

Begin with ``build``, which reads the held-out splits of a mirror; ``index`` compares items with
them, by hashes and by runs of words (``ngrams``).
"""
