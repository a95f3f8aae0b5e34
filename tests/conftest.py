"""Fixtures of all tests."""

pytest_plugins = ["nanobot.testing.plugin"]
