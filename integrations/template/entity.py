"""Where the values of a template entity come from: what its templates read, or the triggers of its section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nanobot.automation.runner import Runner
from nanobot.automation.sequence import Sequence
from nanobot.automation.trace import End
from nanobot.automation.variables import rendered
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.templates import RenderInfo, TemplateError
from nanobot.templates.track import Tracker, Update, track

from .results import plain
from .section import Spec
from .shown import Shown
from .this import This

if TYPE_CHECKING:
    from .templates import Templates


class TemplateEntity(Shown):
    """An entity whose templates are followed, or get their values from the triggers of its section."""

    as_texts: ClassVar[frozenset[str]] = frozenset()
    """The fields whose result stays text where a trigger gives it."""

    def __init__(self, part: Entry, spec: Spec, entity_id: str, home: Templates) -> None:
        super().__init__(part, spec, entity_id)
        self._home = home
        self._this = This(part.hub, entity_id)
        self._tracker: Tracker | None = None
        self._from_itself = 0
        self._variables: Mapping[str, Any] = {"this": self._this}
        """What its templates were given last."""
        self._last_results: Mapping[str, Any] = {}
        self._runners: dict[str, Runner] = {}
        part.on_unload(self.stop)

    # -- its life -------------------------------------------------------------------------------

    @property
    def remembers(self) -> bool:
        """Whether a restart must not lose its value, also where its templates are tracked."""
        return False

    def restore(self, last: Mapping[str, Any]) -> None:
        """Become what it was when nanobot stopped. Called before it is added, with what ``keep`` gave."""
        results = last.get("results")
        if results and self.spec.feed is not None:
            self._take({name: results[name] for name in self._templates if name in results})
            self._last_results = results

    def keep(self) -> dict[str, Any]:
        """What a restart must not lose (JSON-able)."""
        kept: dict[str, Any] = {"entity_id": self.entity_id} if self.spec.unique_id else {}
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
        if self.remembers or self.spec.feed is not None or self.spec.unique_id:
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

    def update(self) -> None:
        """Render all templates now, whether or not something has changed that they read."""
        if self._tracker is not None:
            self._tracker.refresh()

    def inputs_changed(self, updates: list[Update]) -> None:
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
