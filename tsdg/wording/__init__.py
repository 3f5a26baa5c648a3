"""How models write: what both the steps and the verifiers must know about it.

``refusals.py`` recognises replies that refuse, ``marks.py`` the words that announce an answer,
``fences.py`` code in fences, and ``escapes.py`` mends backslashes. The tables lie beside the code.
"""
