"""What is made of finished runs: training mixtures, and comparisons of evaluations.

Begin with ``write_mix.py`` (``tsdg mix``) or ``compare.py`` (``tsdg compare``). A mixture reads
only the manifests of runs: ``parts.py`` lists what can be mixed, ``allocate.py`` divides the
budget, and ``blends.py`` and ``export_blend.py`` write it for trainers. ``results.py`` reads the
results of lm-eval.
"""
