"""The mirror: benchmark splits on disk, and how they get there.

Begin with ``split_files``, which reads them. ``prefetch`` fetches them, with the help of

* ``needed_splits``, which says which ones;
* ``hub``, which talks to the hub;
* ``layouts``, which finds a split's files there;
* ``pins``, which holds a data set to one commit;
* ``staging``, which keeps unfinished fetches;
* ``join_parquet``, which makes one file of several.
"""
