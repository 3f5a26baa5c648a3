"""The commands, one file each: ``main(arguments)`` parses, calls, prints and returns the exit code.

All are thin but ``launch.py``, which ties the pipeline to :mod:`tsdg.launch`, as neither may import
the other: a run or what is left of one, and its canary, become jobs. ``resume`` and ``replay`` call
it, too.
"""
