"""Stage 5: accepted questions become records, files, a dataset card and a manifest.

And ``tsdg verify``.

::

    pairs ──► rules ──► render ──► tokens ──► shuffle ──► dataset/<group>/<task>/part-*.parquet      (dataset)
    files ──► counts ──► README.md (card) ──► manifest.json (manifest), the last file of a run       (finish)
    files and manifest ──► findings                                                                  (fsck)
"""
