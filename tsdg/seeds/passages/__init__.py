"""Seeds of passages of one's own.

Begin with ``collector``; ``passage_files`` reads the files.
"""
