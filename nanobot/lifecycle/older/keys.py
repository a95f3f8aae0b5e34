"""Keys and tokens on their way into ``secrets.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nanobot.util.secrets import has_token
from nanobot.util.text import slugify
from nanobot.util.yaml import Tag

from .note import Notes

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TELLING = re.compile(r"(?i)(?:key|token|secret|passw|credential|auth|bearer|cookie)")
_PLAIN = re.compile(r"[A-Za-z]{1,12}|\d{1,6}|/[\w./-]{1,200}")
_FLAG = re.compile(r"(?i)-{1,2}[\w-]*(?:key|token|secret|passw|credential|auth|bearer)[\w-]*")


class Keys:
    """``known``: what stands in ``secrets.yaml`` already; nothing of it is changed."""

    def __init__(self, known: Mapping[str, Any], notes: Notes) -> None:
        self.new: dict[str, str] = {}
        self.variables: set[str] = set()
        """Of the environment, which the configuration names."""
        self._known = known
        self._notes = notes

    @property
    def values(self) -> list[str]:
        """What must not be printed."""
        return [*self.new.values(), *(str(value) for value in self._known.values())]

    def keep(self, name: str, value: str) -> Tag | None:
        """``!secret`` for a value, or ``!env_var`` where a variable stands; None for a mixture, which is told."""
        if (variable := self._variable(value)) is not None:
            return variable
        if _VARIABLE.search(value):
            self._notes.add("variable_within", where=name)
            return None
        return self._secret(slugify(name), value)

    def text(self, name: str, value: str) -> str | Tag:
        """A text, which is a secret where it looks like one."""
        if (variable := self._variable(value)) is not None:
            return variable
        if _VARIABLE.search(value):
            self._notes.add("variable_within", where=name)
        return self._secret(slugify(name), value) if has_token(value) else value

    def address(self, name: str, value: str) -> str | Tag:
        """An address; one with a password or a question in it is a secret."""
        try:
            parts = urlsplit(value)
            hidden = "@" in parts.netloc or bool(parts.query)
        except ValueError:
            hidden = True
        return self._secret(slugify(name), value) if hidden and "${" not in value else self.text(name, value)

    def arguments(self, name: str, values: list[str]) -> list[str | Tag]:
        """Of a program: what follows ``--api-key`` is a secret, and so is ``--api-key=…``."""
        found: list[str | Tag] = []
        for number, value in enumerate(values):
            flag, equals, rest = value.partition("=")
            after = number > 0 and _FLAG.fullmatch(values[number - 1]) is not None and not value.startswith("-")
            if after or (equals and rest and _FLAG.fullmatch(flag)) or "://" in value:
                kept = self.address(name, value) if "://" in value and not after else self.keep(name, value)
                found.append(value if kept is None else kept)
            else:
                found.append(self.text(name, value))
        return found

    def value(self, name: str, value: str) -> str | Tag | None:
        """What may be a key or a plain setting, as in an environment: plain is what surely is."""
        plain = _PLAIN.fullmatch(value) is not None and _TELLING.search(name) is None
        return value if plain else self.keep(name, value)

    def _variable(self, value: str) -> Tag | None:
        found = _VARIABLE.fullmatch(value.strip())
        if found is None:
            return None
        self.variables.add(found[1])
        return Tag("!env_var", found[1], 0)

    def _secret(self, name: str, value: str) -> Tag:
        number, known = 1, {**self._known, **self.new}
        wanted = name
        while wanted in known and known[wanted] != value:
            number += 1
            wanted = f"{name}_{number}"
        if wanted not in known:
            self.new[wanted] = value
        return Tag("!secret", wanted, 0)
