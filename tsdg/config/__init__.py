"""Recipes and their validation: everything that a user may set. Begin with ``recipe.py``.

``compose.py`` reads a recipe with Hydra, ``fingerprint.py`` says which keys make it another run,
and ``snapshot.py`` keeps it in the run directory.
"""
