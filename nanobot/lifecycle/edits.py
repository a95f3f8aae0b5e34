"""From a save to its effect: load, check, compare, apply, tell. The one way in which the running hub changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from nanobot.config.check import Checked, EntryConfig, check, keep_running
from nanobot.config.files import Files
from nanobot.config.load import Loaded, Unreadable, load
from nanobot.config.problem import Problem
from nanobot.errors import NanobotError
from nanobot.hub.context import ACTING
from nanobot.hub.entry import EntryState
from nanobot.hub.hub import Hub
from nanobot.hub.issues import Severity
from nanobot.lifecycle.advice import advise, known_of
from nanobot.lifecycle.entries import Entries
from nanobot.lifecycle.last_good import LastGood
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.macros import load_macros
from nanobot.lifecycle.plan import CORE, Plan, complete
from nanobot.util import translate
from nanobot.util.aio import Tasks, in_thread
from nanobot.util.collector import no_collecting

CONFIG_APPLIED = "config_applied"
CONFIG_REJECTED = "config_rejected"
FALLBACK: dict[str, Any] = {"default_config": {}}
"""What runs when neither the configuration nor the last good one can be read."""
WITH_PORT = ("api",)
"""What a port on the command line asks for, where the configuration says nothing of it."""

REST = 0.3  # s that a file must have rested before it is read; a save may empty it first and then fill it
EMPTY_REST = 1.0  # the same when nothing stands in it: on a busy machine the filling can take its time
CALM = 2.0  # s after an edit before it is looked through for what is probably wrong
DOUBTS = "doubts."
MAX_LOADS = 10  # in a row, while somebody keeps writing

STOPPING = "nanobot is stopping; nothing is applied any more"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """What an edit did. ``rejected``: nothing, for it could not be read. ``mended``: there were problems, and are none.

    ``core``: the block ``nanobot:`` is another one.
    """

    plan: Plan = field(default_factory=Plan)
    problems: tuple[Problem, ...] = ()
    rejected: bool = False
    duration: float = 0.0
    core: bool = False
    mended: bool = False


class Edits:
    """One apply at a time. A request during an apply leads to another one after it."""

    def __init__(self, hub: Hub, loader: Loader, entries: Entries) -> None:
        self.hub = hub
        self.loader = loader
        self.entries = entries
        self.problems: tuple[Problem, ...] = ()
        """Of the last configuration that was looked at."""
        self.files: frozenset[Path] = frozenset()
        """What that configuration was read from."""
        self._good = LastGood(hub.config_dir)
        self._parsed = Files()
        self._checked: Checked | None = None
        self._tasks = Tasks("edits")
        self._next: asyncio.Future[Applied] | None = None
        self._restart: set[str] = set()
        self._stop: set[str] = set()
        self._stopping: set[str] = set()
        self._busy = False
        self._closed = False
        self._waiting: dict[asyncio.Future[None], str] = {}
        self._advising: asyncio.Task[None] | None = None
        self.calm = CALM
        """Seconds after an edit in which what it brought may come up."""
        self.rest = REST
        """Seconds that the files must have rested; 0 where they are known to be replaced as a whole."""
        entries.leaving = self._leaving

    async def start(self) -> None:
        """Bring up what is configured. YAML that cannot be read leads to recovery mode, never to an exception."""
        try:
            loaded = await in_thread(self._load, self.hub.config_dir)
        except Unreadable as error:
            await self._recover(error)
            return
        await self._apply(loaded, (), {})

    def request(self, restart: Collection[str] = (), *, stop: Collection[str] = ()) -> asyncio.Future[Applied]:
        """Have the configuration on disk applied; done when an apply that began after this call is.

        ``restart``: ids of entries to restart although nothing changed for them. ``stop``: of those to unload first;
        they stay so until they are edited or restarted.
        """
        if self._closed:
            return _fail(asyncio.get_running_loop().create_future(), STOPPING)
        self._restart = {*self._restart.difference(stop), *restart}
        self._stop = {*self._stop.difference(restart), *stop}
        wanted = self._next
        if wanted is None:
            wanted = self._next = asyncio.get_running_loop().create_future()
            if not self._busy:
                self._busy = True
                self._tasks.spawn(self._run(), "apply")  # may begin at once and take the future away
            else:
                self.entries.hurry.set()
        return wanted

    def rests(self, entry_id: str) -> bool:
        """Whether an entry is stopped, or is to be."""
        is_meant = entry_id in self._stop or entry_id in self._stopping
        return is_meant or self.hub.entries[entry_id].state is EntryState.STOPPED

    async def close(self) -> None:
        """Apply nothing any more: nanobot stops. Whoever waits for an apply is told so."""
        self._closed = True
        await self._tasks.cancel()
        if self._next is not None:
            _fail(self._next, STOPPING)
            self._next = None

    async def wait(self, applied: asyncio.Future[Applied]) -> Applied | None:
        """Wait for a request. None when the one who waits is itself about to be reloaded: waiting would strand it."""
        caller = ACTING.get()
        if not caller:
            return await asyncio.shield(applied)
        leaving: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[leaving] = caller
        try:
            either: set[asyncio.Future[Any]] = {applied, leaving}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._waiting[leaving]
        return applied.result() if applied.done() else None

    async def plan(self) -> tuple[Plan, tuple[Problem, ...]]:
        """What applying the configuration on disk would do now. Raises ``Unreadable``."""
        loaded = await in_thread(self._load, self.hub.config_dir)
        self.hub.scrubber.add(*loaded.secrets)
        checked = await in_thread(check, loaded, self.loader, self._checked)
        wanted = self._wanted(checked)
        doubts = await in_thread(advise, checked, known_of(self.hub), self.loader)
        return Plan.between(self.entries.running(), wanted), (*checked.problems, *doubts)

    # -- inside ---------------------------------------------------------------------------------

    def _leaving(self, entry_id: str) -> None:
        for future, caller in self._waiting.items():
            if (caller == entry_id or caller.startswith(f"{entry_id}/")) and not future.done():
                future.set_result(None)

    async def _run(self) -> None:
        try:
            while self._next is not None:
                done, self._next = self._next, None
                self.entries.hurry.clear()
                restart, self._restart = self._restart, set()
                self._stopping, self._stop = self._stop, set()
                try:
                    for entry_id in self._stopping:
                        await self.entries.stop(entry_id)
                    self._stopping = set()
                    applied = await self._once(restart)
                except asyncio.CancelledError:
                    _fail(done, STOPPING)
                    raise
                except Exception as error:  # an apply must never end the ability to apply
                    _log.exception("the configuration could not be applied")
                    _fail(done, f"the configuration could not be applied: {error}")
                else:
                    if not done.done():
                        done.set_result(applied)
        finally:
            self._busy = False

    async def _once(self, restart: Collection[str]) -> Applied:
        taken = await in_thread(self.loader.refresh)
        try:
            loaded = await self._load_at_rest()
        except Unreadable as error:
            for domain, modules in taken.items():
                self.loader.put_back(domain, modules)
            return self._reject(error)
        return await self._apply(loaded, restart, taken)

    async def _load_at_rest(self) -> Loaded:
        """Load what is on disk, but no file in the middle of a save: that would look like a removal of everything."""
        folder = self.hub.config_dir
        for _ in range(MAX_LOADS):
            began = time.time()
            try:
                loaded: Loaded | Unreadable = await in_thread(self._load, folder)
            except Unreadable as error:
                loaded = error
            rest = EMPTY_REST if isinstance(loaded, Loaded) and not (loaded.data or loaded.core) else self.rest
            if not self.rest or await in_thread(_at_rest, folder, loaded, began - rest):
                break
            await asyncio.sleep(max(self.rest, rest / 5))
        if isinstance(loaded, Unreadable):
            raise loaded
        return loaded

    def _load(self, folder: Path) -> Loaded:
        loader = self.loader
        with no_collecting():
            return load(folder, merge_of=loader.merge_of, blueprints_of=loader.blueprints_of, files=self._parsed)

    async def _apply(
        self, loaded: Loaded, restart: Collection[str], taken: dict[str, dict[str, ModuleType]]
    ) -> Applied:
        began = asyncio.get_running_loop().time()
        self.hub.scrubber.add(*loaded.secrets)  # before any code of an integration sees them
        first = self._checked is None
        # What a schema takes may hang on other integrations' code, so after an edit of code all is validated again.
        self._checked = checked = await in_thread(check, loaded, self.loader, None if taken else self._checked)
        self.hub.scrubber.add(*checked.secrets)
        recovering, self.hub.recovery = self.hub.recovery is not None, None
        core = not first and checked.core_ok and checked.core != self.hub.config
        if checked.core_ok:
            self.hub.configure(checked.core)
        await load_macros(self.hub)  # before anything is set up that renders templates
        wanted = self._wanted(checked)
        running = self.entries.running()
        touched = {i for i, entry in wanted.items() if entry.domain in taken and i in running}
        broken = {i for i in touched if not wanted[i].ok}
        for entry_id in broken:  # its new code or options are wrong: the old code goes on
            if wanted[entry_id].domain in taken:
                self.loader.put_back(wanted[entry_id].domain, taken.pop(wanted[entry_id].domain))
        restart = {*(touched - broken), *(i for i in restart if i in wanted)}
        plan = Plan.between(running, wanted, touched=restart)
        if loaded.incomplete:  # a package that cannot be read does not say which entries it held
            plan = replace(plan, removed=())
        mended = self._told(checked.problems)
        made = loaded.made_by_clients()
        self.hub.entities.were_made(made, beside=True)
        bring = {i: self._config_of(wanted[i]) for i in (*plan.added, *plan.changed)}
        await self.entries.apply(plan.removed, bring, restart=restart, taken=taken)
        self.hub.entities.were_made(made)
        translate.reload()
        if recovering:
            self.hub.issues.resolve("nanobot.recovery")
        duration = asyncio.get_running_loop().time() - began
        applied = Applied(plan, tuple(checked.problems), duration=duration, core=core, mended=mended)
        self._fire(applied)
        self.files = loaded.files
        if not any(p.severity == "error" for p in checked.problems):
            await in_thread(self._good.save, loaded.files)
        if not first:
            self._advise_soon(checked)
        return applied

    def _advise_soon(self, checked: Checked) -> None:
        """Look for what is probably wrong when the new things have come up and nobody is writing any more."""
        if self._advising is not None:
            self._advising.cancel()
        self._advising = self._tasks.spawn(self._advise(checked), "advise")

    async def _advise(self, checked: Checked) -> None:
        """One issue for each file in which something is probably wrong."""
        await asyncio.sleep(self.calm)
        by_file: dict[str, list[Problem]] = {}
        for problem in await in_thread(advise, checked, known_of(self.hub), self.loader):
            by_file.setdefault(problem.file or "", []).append(problem)
        for file, problems in by_file.items():
            self.hub.issues.create(
                f"{DOUBTS}{file}", "issues.doubts", severity=Severity.WARNING, file=file, count=len(problems),
                problem=problems[0],
            )  # fmt: skip
        for issue in self.hub.issues:
            if issue.id.startswith(DOUBTS) and issue.id.removeprefix(DOUBTS) not in by_file:
                self.hub.issues.resolve(issue.id)

    def _wanted(self, checked: Checked) -> dict[str, EntryConfig]:
        wanted = self._complete(checked)
        for entry_id, entry in wanted.items():
            running = self.entries.live_config(entry_id)
            if running is not None and entry.left_out:
                wanted[entry_id] = keep_running(entry, running)
        return wanted

    def _complete(self, checked: Checked) -> dict[str, EntryConfig]:
        return complete(checked, self.loader, () if self.hub.port_override is None else WITH_PORT)

    def _config_of(self, wanted: EntryConfig) -> EntryConfig:
        """What to set up: what is wanted, or what runs when that is not ok (a forced restart)."""
        running = self.entries.live_config(wanted.id)
        return wanted if wanted.ok or running is None else running

    async def _recover(self, error: Unreadable) -> None:
        """Start with the last good configuration, or with the defaults, and say so everywhere."""
        reason = "; ".join(str(problem) for problem in error.problems)
        try:
            loaded = await in_thread(
                load, self._good.folder, merge_of=self.loader.merge_of, blueprints_of=self.loader.blueprints_of
            )
            source = "last_good"
        except Unreadable:
            loaded = Loaded(data=dict(FALLBACK), core={}, files=frozenset(), problems=[], secrets=frozenset())
            source = "defaults"
        self.hub.scrubber.add(*loaded.secrets)
        checked = await in_thread(check, loaded, self.loader)
        self.hub.scrubber.add(*checked.secrets)
        self.hub.configure(checked.core)
        self.hub.recovery = reason
        await load_macros(self.hub)
        wanted = self._complete(checked)
        await self.entries.apply((), {i: e for i, e in wanted.items() if e.ok})
        self.hub.issues.create(
            "nanobot.recovery", f"issues.recovery_{source}", severity=Severity.CRITICAL, error=reason
        )
        _log.error("%s", self.hub.issues.get("nanobot.recovery").text())  # type: ignore[union-attr]
        self._told(error.problems)

    def _reject(self, error: Unreadable) -> Applied:
        self._told(error.problems)
        problems = [problem.as_dict(self.hub.language) for problem in error.problems]
        self.hub.bus.fire(CONFIG_REJECTED, {"problems": problems})
        return Applied(problems=tuple(error.problems), rejected=True)

    def _told(self, problems: Iterable[Problem]) -> bool:
        """Log what is new, show all as issues, take away those that are gone; true when there are none any more."""
        now = {f"config.{problem}": problem for problem in problems}
        known = {str(problem) for problem in self.problems}
        for issue_id, problem in now.items():
            if str(problem) not in known:
                _log.log(logging.ERROR if problem.severity == "error" else logging.WARNING, "%s", problem)
            severity = Severity.ERROR if problem.severity == "error" else Severity.WARNING
            self.hub.issues.create(issue_id, "issues.config", severity=severity, problem=problem)
        for issue in self.hub.issues:
            if issue.id.startswith("config.") and issue.id not in now:
                self.hub.issues.resolve(issue.id)
        self.problems = tuple(now.values())
        mended = bool(known and not now)
        if mended:
            _log.info("the configuration has no problems any more")
        return mended

    def _fire(self, applied: Applied) -> None:
        plan, language = applied.plan, self.hub.language
        data: dict[str, Any] = {
            "added": list(plan.added),
            "changed": [
                *([CORE] if applied.core else []),
                *(entry_id for entry_id in plan.changed if not self.entries.refused(entry_id)),
            ],
            "removed": list(plan.removed),
            "mended": applied.mended,
            "problems": [problem.as_dict(language) for problem in applied.problems],
        }
        for entry_id in (*plan.added, *plan.changed):
            if text := self.entries.trouble(entry_id, language):
                data["problems"].append(_trouble(entry_id, text))
        self.hub.bus.fire(CONFIG_APPLIED, data)
        parts = [f"{name} {', '.join(data[name])}" for name in ("added", "changed", "removed") if data[name]]
        if parts:
            _log.info("configuration applied in %.0f ms: %s", applied.duration * 1000, "; ".join(parts))


def _trouble(entry_id: str, text: str) -> dict[str, Any]:
    """What only setting up could find, told like a problem of the configuration."""
    return {
        "file": None,
        "line": None,
        "path": [entry_id],
        "where": entry_id,
        "key": "not_working",
        "severity": "error",
        "message": text,
        "nearest": None,
        "text": text,
    }


def _at_rest(folder: Path, loaded: Loaded | Unreadable, since: float) -> bool:
    """Whether no file that was read has been written to after ``since`` (seconds since the epoch)."""
    files = loaded.files if isinstance(loaded, Loaded) else folder.glob("*.yaml")
    for file in files:
        with contextlib.suppress(OSError):
            written = file.stat().st_mtime
            if since < written <= time.time() + 1:  # a clock that is further ahead tells nothing
                return False
    return True


def _fail(applied: asyncio.Future[Applied], why: str) -> asyncio.Future[Applied]:
    """Whoever waits for it gets the error; nobody has to wait."""
    if not applied.done():
        applied.set_exception(NanobotError(why))
        applied.exception()
    return applied
