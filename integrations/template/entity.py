"""What all template entities have in common: where their values come from, and what becomes of results that fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nanobot.automation.runner import Runner
from nanobot.automation.sequence import Sequence
from nanobot.automation.trace import End
from nanobot.automation.variables import rendered
from nanobot.contracts.entity import Entity
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.templates import RenderInfo, Template, TemplateError
from nanobot.templates.track import Tracker, Update, track

from .results import Unfit, as_boolean, as_text, plain
from .section import Spec
from .this import This

if TYPE_CHECKING:
    from .templates import Templates

ATTRIBUTE = "attributes > "
SHOWN_ANYWAY = frozenset({"name", "icon", "picture"})
"""What is shown also while the entity is not available."""


class TemplateEntity(Entity):
    """``part`` owns everything it has in the hub."""

    fields: ClassVar[tuple[str, ...]] = ("state",)
    """The options that are templates, besides those that all have."""
    as_texts: ClassVar[frozenset[str]] = frozenset()
    """Those whose result stays text where a trigger gives it."""
    needs_state: ClassVar[bool] = True
    """Not available when the template of its state fails, unless ``availability`` says something else."""

    config: Mapping[str, Any]

    def __init__(self, part: Entry, spec: Spec, entity_id: str, home: Templates) -> None:
        self.entity_id = entity_id
        self.spec = spec
        self.refused: str | None = None
        """What is wrong with the edit that stands in the YAML in place of what runs."""
        self._part = part
        self._hub = part.hub
        self._home = home
        self._this = This(part.hub, entity_id)
        self._tracker: Tracker | None = None
        self._templates: dict[str, Template] = {}
        self._picture: str | None = None
        self._extra: dict[str, Any] = {}
        self._told: dict[str, str] = {}
        self._failed = False
        self._on = True
        self._from_itself = 0
        self._variables: Mapping[str, Any] = {"this": self._this}
        """What its templates were given last."""
        self._last_results: Mapping[str, Any] = {}
        self._runners: dict[str, Runner] = {}
        part.on_unload(self.stop)
        self._equip()

    # -- what it shows --------------------------------------------------------------------------

    @property
    def remembers(self) -> bool:
        """Whether a restart must not lose its value, also where its templates are tracked."""
        return False

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

    # -- its life -------------------------------------------------------------------------------

    def restore(self, last: Mapping[str, Any]) -> None:
        """Become what it was when nanobot stopped. Called before it is added, with what ``keep`` gave."""
        results = last.get("results")
        if results and self.spec.feed is not None:
            self._take({name: results[name] for name in self._templates if name in results})
            self._last_results = results

    def keep(self) -> dict[str, Any]:
        """What a restart must not lose (JSON-able)."""
        kept: dict[str, Any] = {"entity_id": self.entity_id} if self.spec.unique else {}
        if self.spec.feed is not None and self._last_results and self.available:
            kept["results"] = self._last_results
        return kept

    def begin(self) -> None:
        """The hub has started: follow what the templates read. A trigger's values come by ``feed``."""
        if self.spec.feed is not None or self._tracker is not None:
            return
        variables: dict[str, Any] = {"this": self._this}
        try:
            variables = rendered(self._hub, self.spec.variables, variables)
        except TemplateError as error:
            self._complain("variables", str(error))
        else:
            self._fine("variables")
        self._variables = variables
        watched = [(one, variables) for one in self._templates.values()]
        self._tracker = track(self._hub, watched, self._changed_inputs)
        self._take(self._results())

    async def take(self, spec: Spec) -> None:
        """Become what an edit made of it. What its actions are doing is stopped."""
        await self.stop()
        self.spec, self.refused = spec, None
        self._told.clear()
        self._equip()
        if self._home.started:
            self.begin()

    async def stop(self) -> None:
        """Follow nothing any more, and end what is under way."""
        if self._tracker is not None:
            self._tracker.remove()
            self._tracker = None
        runners, self._runners = self._runners, {}
        for runner in runners.values():
            await runner.stop()

    def refuse(self, error: str | None) -> None:
        """Show that the edit does not work and this version runs on; with None, that all is well again."""
        if error != self.refused:
            self.refused = error
            self.changed()

    def changed(self, context: Context | None = None) -> None:
        super().changed(context)
        if self.remembers or self.spec.feed is not None or self.spec.unique:
            self._home.remember(self)

    # -- where values come from -----------------------------------------------------------------

    def feed(self, variables: Mapping[str, Any], context: Context | None) -> None:
        """A trigger fired, and its conditions hold."""
        given = {"this": self._this, **variables}
        results: dict[str, Any] = {}
        name = "variables"
        try:
            given = self._variables = rendered(self._hub, self.spec.variables, given, defaults=True)
            for name, template in self._templates.items():
                results[name] = template.render(self._hub, given, native=name not in self.as_texts)
                if name == "availability" and not self._is_available(results[name]):
                    break
        except TemplateError as error:
            self._complain(name, str(error))
            self._failed = True
        else:
            self._failed = False
            self._fine("variables")
            self._take(results)
            self._last_results = plain(results)
        self._show_available()
        self.changed(context)

    def update(self, updates: list[Update]) -> None:
        """Templates have other results."""
        if self._tracker is None:
            return
        event = updates[0].event
        if event is not None and event.data["entity_id"] == self.entity_id:
            self._from_itself += 1
            if self._from_itself > len(self._templates):
                self.looped()
                return
        else:
            self._from_itself = 0
            self._fine("")
        names = list(self._templates)
        was = self._on
        self._take({names[one.index]: _outcome(one) for one in updates})
        if self._on and not was:
            self._take(self._results())
        self.changed(event.context if event is not None else None)

    def looped(self) -> None:
        """Say that its templates go round in a circle."""
        self._complain(
            "", "its templates change what they read themselves, over and over; they are not followed further"
        )

    def _changed_inputs(self, updates: list[Update]) -> None:
        self._home.update(self, updates)

    def _results(self) -> dict[str, Any]:
        assert self._tracker is not None
        return dict(zip(self._templates, map(_outcome, self._tracker.infos), strict=True))

    # -- results --------------------------------------------------------------------------------

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
            if name == "state" and self.needs_state and "availability" not in self.config:
                self._failed = failed
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

    # -- actions --------------------------------------------------------------------------------

    async def act(self, name: str, given: Mapping[str, Any], context: Context) -> None:
        """Do the actions of an option, and wait until that is done. Raises what they raise."""
        runner = self._runners.get(name)
        if runner is None:
            sequence: Sequence = self.config[name]
            runner = Runner(self._hub, sequence, self._part.tasks, self._part.log, _nothing, path=name)
            self._runners[name] = runner
        variables = rendered(self._hub, self.spec.variables, {"this": self._this, **given}, defaults=True)
        run = runner.start(variables, context, _nothing)
        if run is None:
            return
        await run.wait()
        if run.end is End.ERROR and run.error is not None:
            raise run.error


def _outcome(found: RenderInfo | Update) -> Any:
    return found.result if found.error is None else found.error


def _nothing(_: Any) -> None:
    """Nobody shows how many run."""
