"""Stage 1: from lm-eval task names to normalised seeds, of proven training splits only.

A room for each subject, each built on those before it:

* ``catalogue`` says what may be used, and refuses the rest;
* ``rows`` turns one source row into a question with its answer;
* ``families`` has a module for each family whose rows need one;
* ``mirror`` fetches the splits and reads them;
* ``heldout`` knows the items of tests and validations;
* ``draw`` chooses the tasks, sorts their rows and draws the seeds;
* ``passages`` makes seeds of passages of one's own.

Begin with :mod:`tsdg.seeds.draw.collect`, which puts it together.
"""
