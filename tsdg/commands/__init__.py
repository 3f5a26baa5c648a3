"""The commands: ``table.py`` says what each takes, ``words.py`` reads it, a module each does it.

Begin with the table. A command's ``main(words)`` calls what does the work and a view that prints
it, and returns the exit code; it works out nothing itself.
"""
