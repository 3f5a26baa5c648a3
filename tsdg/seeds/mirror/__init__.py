"""The mirror: benchmark splits on disk, and how they get there.

Begin with ``split_files``, which reads them. ``prefetch`` fetches them: ``needed_splits`` says
which, ``hub`` talks to the hub, ``layouts`` finds a split's files there, ``pins`` holds a data set
to one commit, ``staging`` keeps unfinished fetches, and ``join_parquet`` makes one file of several.
"""
