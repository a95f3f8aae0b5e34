"""What a template entity shows, and what becomes of results that fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from nanobot.contracts.entity import Entity
from nanobot.hub.entry import Entry
from nanobot.templates import Template, TemplateError

from .results import Unfit, as_boolean, as_text
from .section import Spec

ATTRIBUTE = "attributes > "
SHOWN_ANYWAY = frozenset({"name", "icon", "picture"})
"""What is shown also while the entity is not available."""


class Shown(Entity):
    """``part`` owns everything it has in the hub."""

    fields: ClassVar[tuple[str, ...]] = ("state",)
    """The options that are templates, besides those that all have."""
    needs_state: ClassVar[bool] = True
    """Not available when the template of its state fails, unless ``availability`` says something else."""

    config: Mapping[str, Any]

    def __init__(self, part: Entry, spec: Spec, entity_id: str) -> None:
        self.entity_id = entity_id
        self.spec = spec
        self.refused: str | None = None
        """What is wrong with the edit that stands in the YAML in place of what runs."""
        self._part = part
        self._hub = part.hub
        self._templates: dict[str, Template] = {}
        self._picture: str | None = None
        self._extra: dict[str, Any] = {}
        self._told: dict[str, str] = {}
        self._failed = False
        self._on = True
        self._equip()

    @property
    def details(self) -> Mapping[str, Any]:
        """Attributes that it has while it is available, besides those of the configuration."""
        return {}

    @property
    def attributes(self) -> Mapping[str, Any]:
        shown: dict[str, Any] = {}
        if self.available:
            shown.update(self.details)
            shown.update(self._extra)
        for key in ("unit_of_measurement", "device_class"):
            if self.config.get(key) is not None:
                shown[key] = self.config[key]
        if self._picture:
            shown["entity_picture"] = self._picture
        if self.refused is not None:
            shown["error"] = self.refused
        return shown

    def _equip(self) -> None:
        """Take over the configuration."""
        self.config = config = self.spec.config
        self._templates = dict(self._written())
        self._extra = {name: self._extra[name] for name in self._extra if name in config.get("attributes", ())}
        if "availability" not in config:
            self._on = True
        static: dict[str, str | None] = {
            name: config[name].text.strip() if name in config and config[name].is_static else None
            for name in SHOWN_ANYWAY
        }
        self.name = static["name"] if static["name"] or "name" not in config else self.name
        self.icon = static["icon"] if static["icon"] or "icon" not in config else self.icon
        self._picture = static["picture"] if static["picture"] or "picture" not in config else self._picture

    def _written(self) -> Iterator[tuple[str, Template]]:
        for name in ("availability", *self.fields, "name", "icon", "picture"):
            if name in self.config:
                yield name, self.config[name]
        for name, template in self.config.get("attributes", {}).items():
            yield ATTRIBUTE + name, template

    def _take(self, results: Mapping[str, Any]) -> None:
        """Take over results; a ``TemplateError`` in place of one that failed."""
        if "availability" in results:
            result = results["availability"]
            failed = self._is_error("availability", result)
            self._on = True if failed else self._is_available(result)
            if not failed:
                self._fine("availability")
        for name, result in results.items():
            if name == "availability" or not (self._on or name in SHOWN_ANYWAY):
                continue
            failed = self._is_error(name, result)
            if name == "state" and self.needs_state:
                self._failed = failed and "availability" not in self.config
            try:
                if name.startswith(ATTRIBUTE):
                    self._extra[name.removeprefix(ATTRIBUTE)] = None if failed else result
                elif name in SHOWN_ANYWAY:
                    self._show(name, None if failed else result)
                else:
                    self.put(name, None if failed else result, failed=failed)
            except Unfit as error:
                self._complain(name, str(error))
            else:
                if not failed:
                    self._fine(name)
        self._show_available()

    def put(self, name: str, result: Any, *, failed: bool) -> None:
        """Take over the result of one of ``fields``. ``result`` is None when it ``failed``.

        Raises ``Unfit`` for one that cannot be used, having done what is to be done then.
        """

    def _show(self, name: str, result: Any) -> None:
        text = None if result is None else as_text(result)
        if name == "name":
            self.name = text
        elif name == "icon":
            self.icon = text or None
        else:
            self._picture = text

    def _show_available(self) -> None:
        self.available = self._on and not self._failed

    def _is_available(self, result: Any) -> bool:
        """Nothing counts as available only where a trigger gives it, as in Home Assistant."""
        return as_boolean(result) or (result is None and self.spec.feed is not None)

    def _is_error(self, name: str, result: Any) -> bool:
        if not isinstance(result, TemplateError):
            return False
        if self._on or name == "availability":
            self._complain(name, str(result))
        return True

    def _complain(self, name: str, text: str) -> None:
        """Say once what is wrong."""
        if self._told.get(name) != text:
            self._told[name] = text
            place = f"{self.entity_id}: {name}" if name else self.entity_id
            self._part.log.error("%s: %s", place, text)

    def _fine(self, name: str) -> None:
        if self._told.pop(name, None) is not None:
            self._part.log.info("%s: %s: is fine again", self.entity_id, name)
