"""The API as it was in 2014, at ``/v2`` and ``/v1.1``: other texts and codes of refusals, JSON and XML, no versions.

Handlers and all behind them are those of ``/v2.1``, asked at version 2.1. What differs stands here, as tables: what
there was (surface.py), how bodies were checked (bodies.py), what errors were called (faults.py), how XML looked
(markup.py).
"""
