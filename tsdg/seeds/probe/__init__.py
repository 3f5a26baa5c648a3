"""What the hub or the mirror has, beside what the catalogue and the family's reader expect.

Begin with ``differences``: pure comparisons. ``outline`` reads what a split has from its Parquet
footer, ``probing`` asks a hub for no more than that and some first rows, and ``gate`` keeps a run
from what differs in meaning.
"""
