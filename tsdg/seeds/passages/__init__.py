"""Seeds of a user's own passages.

Begin with ``collector``; ``passage_files`` reads the files.
"""
