"""Stage 5: accepted questions become records, files, a dataset card and a manifest.

``tsdg verify`` reads them back. Modules and what flows between them::

    dataset   pairs ─► rules ─► render ─► tokens ─► shuffle ─► dataset/<group>/<task>/part-*.parquet
    finish    files ─► counts ─► README.md (card) ─► manifest.json, the last file of a run
    fsck      files and manifest ─► findings
"""
