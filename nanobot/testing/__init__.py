"""Test helpers for nanobot and for everybody who writes an integration.

``pytest_plugins = ["nanobot.testing.plugin"]`` in a ``conftest.py`` gives the fixtures ``hub``, ``entry``,
``set_up``, ``chat`` and ``model``; all of them real but for what stands outside of nanobot.
"""
