"""Stage 1: from lm-eval task names to normalised seeds, only from proven training splits.

Each folder has one subject, and builds on those before it:

* ``catalogue`` says what may be used, and refuses the rest;
* ``rows`` turns one source row into a question with its answer;
* ``families`` has a module for each family whose rows need one;
* ``mirror`` fetches the splits and reads them;
* ``heldout`` knows the items of tests and validations;
* ``draw`` chooses the tasks, judges their rows and draws the seeds;
* ``passages`` makes seeds of a user's own passages.

Begin with :mod:`tsdg.seeds.draw.collect`, which puts it together.
"""
