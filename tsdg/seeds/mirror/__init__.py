"""The mirror: benchmark splits on disk, and how they get there.

Begin with ``split_files``, which reads them. ``prefetch`` fetches them, with the help of

* ``needed_splits``, which says which ones;
* ``hub``, which talks to the hub; ``hub_requests``, which sends again and sets bounds; and
  ``hub_form``, the gate for all that it says;
* ``layouts``, which finds a split's files there, with the patterns of ``globs``;
* ``commits``, which chooses the commit and reads its splits;
* ``source_files``, which knows the splits that are no Parquet at their source;
* ``pins``, which holds a data set to one commit;
* ``staging``, which keeps unfinished fetches;
* ``join_parquet``, which makes one file of several.
"""
