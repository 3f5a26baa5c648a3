"""Work units, leases, journal, commit and the scheduling of requests.

Knows nothing of prompts or servers.

The way in is :mod:`tsdg.engine.phase`.
"""
