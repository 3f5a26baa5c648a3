"""What a person (or ``--json``) sees of the rest, in tables and lines; nothing here changes a run.

What only this tells is worked out here, too: a run's state, and what a recipe would make and cost.
"""
