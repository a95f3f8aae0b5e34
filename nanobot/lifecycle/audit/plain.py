"""Secrets that stand in the configuration itself, and not in secrets.yaml or the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nanobot.util.secrets import Secret, SecretText, has_token
from nanobot.util.yaml import Path as Steps


def plain_secrets(raw: Any, config: Any, path: Steps = ()) -> Iterator[Steps]:
    """The paths of values that a schema takes as secrets, or that look like a well-known kind of token, and that were
    written out. ``raw`` is what was written, ``config`` what the schema made of it."""
    match raw:
        case SecretText():
            return
        case str():
            if isinstance(config, Secret) or has_token(raw):
                yield path
        case Mapping():
            for key, value in raw.items():
                yield from plain_secrets(value, config.get(key) if isinstance(config, Mapping) else None, (*path, key))
        case list():
            same = isinstance(config, (list, tuple)) and len(config) == len(raw)
            for number, value in enumerate(raw):
                yield from plain_secrets(value, config[number] if same else None, (*path, number))
        case int() if isinstance(config, Secret):
            yield path
