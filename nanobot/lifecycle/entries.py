"""Sets entries up, replaces and unloads them, and keeps trying what is not ready."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from nanobot.config.check import EntryConfig
from nanobot.errors import AuthFailed, ConfigError, NanobotError, NotReady
from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.hub import Hub
from nanobot.hub.issues import Fix, Severity
from nanobot.lifecycle import requirements
from nanobot.lifecycle.loader import Integration, Loader
from nanobot.util.aio import Tasks, in_thread
from nanobot.util.backoff import Backoff

SETUP_LIMIT = 60.0  # s that a setup may take
UNLOAD_LIMIT = 10.0  # s that an integration's own unload may take
PATIENCE = 10.0  # s that applying a plan waits for slow ones; they go on in the background
HURRY = 0.5  # s that it waits for them when there is another edit already
CLOSE_LIMIT = 30.0  # s for unloading everything at the end
ISSUE_AFTER = 5  # attempts that were not ready before a person is bothered

NOT_WORKING = (EntryState.RETRYING, EntryState.FAILED)
SETUP_ISSUES = ("auth_failed", "setup_failed", "not_ready", "requirements", "edit_refused")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Live:
    """An entry, the configuration it runs with, and the module it was set up by (None: not set up)."""

    config: EntryConfig
    entry: Entry
    module: ModuleType | None = None
    attempts: int = 0


class Entries:
    """All entries that live. Every change of one entry is one task; a newer change replaces an older one."""

    def __init__(self, hub: Hub, loader: Loader, *, backoff: Backoff | None = None) -> None:
        self.hub = hub
        self.loader = loader
        self.leaving: Callable[[str], None] = lambda entry_id: None
        """Told the id of each entry that is about to be unloaded or reloaded."""
        self.hurry = asyncio.Event()
        """Set while another edit waits for the one that is being applied."""
        self._backoff = backoff or Backoff()
        self._live: dict[str, Live] = {}
        self._work: dict[str, asyncio.Task[None]] = {}
        self._tasks = Tasks("entries")
        self._refused: dict[str, Any] = {}

    def running(self) -> dict[str, EntryConfig]:
        """What runs, by id. An entry whose edit was refused shows the refused values, so that only another edit or
        a reload makes it try again."""
        return {
            entry_id: replace(live.config, raw=self._refused.get(entry_id, live.config.raw))
            for entry_id, live in self._live.items()
        }

    def live_config(self, entry_id: str) -> EntryConfig | None:
        """What an entry really runs with."""
        live = self._live.get(entry_id)
        return live.config if live else None

    async def apply(
        self,
        removed: Iterable[str],
        wanted: Mapping[str, EntryConfig],
        *,
        restart: Collection[str] = (),
        taken: Mapping[str, dict[str, ModuleType]] | None = None,
    ) -> None:
        """Unload what is ``removed``, then bring all in ``wanted`` to their new configuration.

        ``restart``: ids that are not to be reloaded in place. ``taken``: the old code of domains whose code is new,
        to go back to when the new one does not work. Returns when all is done, or after ``PATIENCE`` seconds, or
        ``HURRY`` seconds when ``hurry`` is set.
        """
        for entry_id in reversed(self._order(removed, self.running())):
            await self._remove(entry_id)
        works: dict[str, asyncio.Task[None]] = {}
        for entry_id in self._order(wanted, wanted):
            await self._end_work(entry_id)
            before = [works[d] for d in self._needs(wanted[entry_id].domain, wanted) if d in works]
            work = self._bring(wanted[entry_id], before, entry_id in restart, taken or {})
            works[entry_id] = self._work_on(entry_id, work)
        if works and (await asyncio.wait(works.values(), timeout=HURRY))[1]:
            hurried = asyncio.ensure_future(self.hurry.wait())
            all_done = asyncio.ensure_future(asyncio.wait(works.values()))
            try:
                await asyncio.wait((hurried, all_done), timeout=PATIENCE - HURRY, return_when=asyncio.FIRST_COMPLETED)
            finally:
                hurried.cancel()
                all_done.cancel()

    def refused(self, entry_id: str) -> bool:
        """Whether its last edit did not work, so that the configuration before it runs on."""
        return entry_id in self._refused

    def trouble(self, entry_id: str, language: str) -> str | None:
        """Why an entry does not do what its configuration says, as a sentence; None when it does."""
        live = self._live.get(entry_id)
        if live is None or (entry_id not in self._refused and live.entry.state not in NOT_WORKING):
            return None
        for key in SETUP_ISSUES:
            if issue := self.hub.issues.get(f"{entry_id}.{key}"):
                return issue.text(language)
        return f"{entry_id}: {live.entry.error}"

    async def stop(self, entry_id: str) -> None:
        """Unload an entry but keep it in sight as stopped. One that left, or is stopped, is left alone."""
        live = self._live.get(entry_id)
        if live is None or live.entry.state is EntryState.STOPPED:
            return
        await self._end_work(entry_id)
        self.leaving(entry_id)
        await self._unload(live)
        live.entry.turn(EntryState.STOPPED)
        self._resolve(entry_id)

    async def close(self) -> None:
        """Unload all, last first, within ``CLOSE_LIMIT`` seconds."""
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                for entry_id in list(self._work):
                    await self._end_work(entry_id)
                for entry_id in reversed(self._order(self._live, self.running())):
                    await self._unload(self._live[entry_id])
                    self._live[entry_id].entry.turn(EntryState.STOPPED)
        except TimeoutError:
            _log.error("not everything could be unloaded within %g s", CLOSE_LIMIT)

    # -- one entry ------------------------------------------------------------------------------

    async def _bring(
        self,
        config: EntryConfig,
        before: list[asyncio.Task[None]],
        restart: bool,
        taken: Mapping[str, dict[str, ModuleType]],
    ) -> None:
        if before:
            await asyncio.wait(before, timeout=PATIENCE)
        live = self._live.get(config.id)
        self._refused.pop(config.id, None)
        if live is None:
            error = await self._start(config)
            if error is not None:
                self._try_again(error)
            return
        self.leaving(config.id)
        if not restart and await self._reload_in_place(live, config):
            return
        old, module = live.config, live.module
        await self._unload(live)
        error = await self._start(config, restarts=live.entry.restarts)
        if error is None:
            self._resolve(config.id)
        elif module is None:
            self._try_again(error)
        else:
            await self._go_back(old, module, config, error, taken)

    async def _go_back(
        self,
        old: EntryConfig,
        module: ModuleType,
        refused: EntryConfig,
        failure: _Failure,
        taken: Mapping[str, dict[str, ModuleType]],
    ) -> None:
        """The new configuration does not work: set the old one up again and say so."""
        if old.domain in taken:
            self.loader.put_back(old.domain, taken[old.domain])
        again = await self._start(old, module)
        if again is not None:
            # the old one does not work any more either: the person's wish counts
            error = await self._start(refused)
            if error is not None:
                self._try_again(error)
            return
        self._refused[old.id] = refused.raw
        self._tell_refused(old.id, failure)

    def _try_again(self, failure: _Failure) -> None:
        """Show why it is not set up, and keep trying in the background where that makes sense."""
        entry_id = failure.config.id
        self._show_failure(self._live[entry_id], failure)
        if failure.retry:
            self._work_on(entry_id, self._keep_trying(failure))

    async def _keep_trying(self, failure: _Failure) -> None:
        while True:
            live = self._live[failure.config.id]
            await asyncio.sleep(self._backoff.delay(live.attempts))
            again = await self._start(live.config, attempts=live.attempts)
            if again is None:
                live.entry.log.info("is ready now")
                self._resolve(failure.config.id)
                return
            failure = again
            self._show_failure(self._live[failure.config.id], failure)
            if not failure.retry:
                return

    async def _start(
        self,
        config: EntryConfig,
        module: ModuleType | None = None,
        *,
        attempts: int = 0,
        restarts: int = 0,
    ) -> _Failure | None:
        """Set an entry up from nothing. None when it runs."""
        entry = Entry(self.hub, config.id, config.domain, config.config, label=config.label)
        entry.restarts = restarts + attempts
        before = self._live.get(config.id)
        if before is not None:
            entry.since, entry.error = before.entry.since, before.entry.error
        live = self._live[config.id] = Live(config, entry, attempts=attempts + 1)
        self.hub.entries[config.id] = entry
        entry.show()
        failure = None
        try:
            module = module or await self._import(config, entry)
            await self._set_up(module, entry)
            live.module = module
        except asyncio.CancelledError:
            await entry.release()
            raise
        except Exception as error:  # whatever an integration raises must not reach the others
            failure = _Failure(config, error)
        if failure is None:
            if entry.state is EntryState.STARTING:
                entry.turn(EntryState.LOADED)
            return None
        await entry.release()
        return failure

    async def _import(self, config: EntryConfig, entry: Entry) -> ModuleType:
        integration = self.loader.find(config.domain)
        if integration is None:
            raise ConfigError(f"there is no integration {config.domain}")
        await self._require(integration, entry)
        module = await in_thread(integration.module)
        self.loader.remember(config.domain)
        return module

    async def _require(self, integration: Integration, entry: Entry) -> None:
        """Have the libraries that an integration needs, or raise ``_Missing``."""
        wanted = list(integration.manifest.requirements)
        missing = await in_thread(requirements.missing, wanted) if wanted else []
        if not missing:
            return
        policy = self.hub.config.requirements
        if policy != "auto" or integration.custom:
            raise _Missing(integration, missing, may_fix=policy != "never")
        await self._install(integration, entry)

    async def _install(self, integration: Integration, entry: Entry) -> None:
        def progress(text: str) -> None:
            entry.log.info("%s", text)
            entry.turn(EntryState.STARTING, text)

        await requirements.install(
            integration.domain,
            list(integration.manifest.requirements),
            custom=integration.custom,
            progress=progress,
        )
        entry.turn(EntryState.STARTING)

    async def _set_up(self, module: ModuleType, entry: Entry) -> None:
        setup = getattr(module, "setup", None)
        if setup is None:
            return  # only depends on others
        task = entry.tasks.spawn(_caught(setup(self.hub, entry)), f"{entry.id}: setup")
        try:
            done, _ = await asyncio.wait([task], timeout=SETUP_LIMIT)
        finally:
            task.cancel()
        if not done:
            raise NotReady(f"setting up took more than {SETUP_LIMIT:g} s")
        error = task.result()
        if error is not None:
            raise error

    async def _reload_in_place(self, live: Live, config: EntryConfig) -> bool:
        reload = getattr(live.module, "reload", None)
        if reload is None or live.entry.state not in (EntryState.LOADED, EntryState.RETRYING):
            return False
        try:
            async with asyncio.timeout(SETUP_LIMIT):
                if not await reload(self.hub, live.entry, config.config):
                    return False
        except ConfigError as error:
            self._refused[config.id] = config.raw
            self._tell_refused(config.id, _Failure(config, error))
            return True
        except Exception as error:  # an integration's fault; a restart may well work
            live.entry.log.error("could not be reloaded in place: %s", error, exc_info=error)
            return False
        live.config = config
        live.entry.config = config.config
        self._resolve(config.id)
        return True

    async def _remove(self, entry_id: str) -> None:
        await self._end_work(entry_id)
        live = self._live.get(entry_id)
        if live is None:
            return
        self.leaving(entry_id)
        await self._unload(live)
        live.entry.turn(EntryState.STOPPED)
        del self._live[entry_id]
        self._refused.pop(entry_id, None)
        self.hub.entries.pop(entry_id, None)
        self._resolve(entry_id)
        live.entry.hide()

    async def _unload(self, live: Live) -> None:
        module, live.module = live.module, None
        entry = live.entry
        left = []
        unload = getattr(module, "unload", None)
        if unload is not None:
            task = entry.tasks.spawn(_caught(unload(self.hub, entry)), f"{entry.id}: unload")
            done, _ = await asyncio.wait([task], timeout=UNLOAD_LIMIT)
            if not done:
                task.cancel()
                left.append("unload")
                entry.log.error("unloading took more than %g s", UNLOAD_LIMIT)
            elif (error := task.result()) is not None:
                left.append("unload")
                entry.log.error("could not be unloaded cleanly: %s", error, exc_info=error)
        left += await entry.release()
        if left:
            self.hub.issues.create(
                f"{entry.id}.unload",
                "issues.unload",
                severity=Severity.WARNING,
                entry=entry.id,
                name=entry.id,
                left=", ".join(left),
            )
        else:
            self.hub.issues.resolve(f"{entry.id}.unload")

    # -- telling people -------------------------------------------------------------------------

    def _show_failure(self, live: Live, failure: _Failure) -> None:
        entry, error = live.entry, failure.error
        if failure.retry:
            delay = self._backoff.delay(live.attempts) if live.attempts else 0
            if live.attempts == 1 or failure.unexpected:
                trace = error if failure.unexpected and live.attempts == 1 else None
                entry.log.warning("%s; trying again in %.0f s and so on", failure.text, delay, exc_info=trace)
            entry.turn(EntryState.RETRYING, failure.text)
            if failure.unexpected:
                self._issue("setup_failed", failure)
            elif live.attempts >= ISSUE_AFTER:
                self._issue("not_ready", failure)
            return
        entry.log.error("%s", failure.text)
        entry.turn(EntryState.FAILED, failure.text)
        if isinstance(error, _Missing):
            command = requirements.command_for(error.integration.domain, error.missing, custom=error.integration.custom)
            self._issue("requirements", failure, fix=self._installation(error), command=command)
        else:
            self._issue("auth_failed" if isinstance(error, AuthFailed) else "setup_failed", failure)

    def _tell_refused(self, entry_id: str, failure: _Failure) -> None:
        live = self._live[entry_id]
        trace = failure.error if failure.unexpected else None
        live.entry.log.error("the edit does not work, so the configuration before it runs on: %s",
                             failure.text, exc_info=trace)  # fmt: skip
        self._issue("edit_refused", failure)

    def _issue(self, key: str, failure: _Failure, *, fix: Fix | None = None, **more: Any) -> None:
        entry_id = failure.config.id
        self.hub.issues.create(
            f"{entry_id}.{key}",
            f"issues.{key}",
            entry=entry_id,
            fix=fix,
            name=entry_id,
            error=failure.text,
            **more,
        )

    def _resolve(self, entry_id: str) -> None:
        for key in SETUP_ISSUES:
            self.hub.issues.resolve(f"{entry_id}.{key}")

    def _installation(self, missing: _Missing) -> Fix | None:
        if not missing.may_fix:
            return None

        async def run() -> None:
            domain = missing.integration.domain
            for live in [live for live in self._live.values() if live.config.domain == domain]:
                await self._install(missing.integration, live.entry)
                await self.apply((), {live.config.id: live.config}, restart=[live.config.id])

        return Fix("install", run)

    # -- order and tasks ------------------------------------------------------------------------

    def _order(self, ids: Iterable[str], configs: Mapping[str, EntryConfig]) -> list[str]:
        """Dependencies first, otherwise as given."""
        given = list(ids)
        ordered: dict[str, None] = {}

        def visit(entry_id: str, above: tuple[str, ...]) -> None:
            if entry_id in ordered or entry_id in above:
                return
            if entry_id in configs:
                for need in self._needs(configs[entry_id].domain, configs):
                    if need in given:
                        visit(need, (*above, entry_id))
            ordered[entry_id] = None

        for entry_id in given:
            visit(entry_id, ())
        return list(ordered)

    def _needs(self, domain: str, configs: Mapping[str, EntryConfig]) -> list[str]:
        """Ids of the entries that are to be set up before those of ``domain``."""
        try:
            integration = self.loader.find(domain)
        except ConfigError:
            return []
        if integration is None:
            return []
        domains = {*integration.manifest.dependencies, *integration.manifest.after_dependencies} - {domain}
        return [entry_id for entry_id, config in configs.items() if config.domain in domains]

    def _work_on(self, entry_id: str, work: Any) -> asyncio.Task[None]:
        task = self._work[entry_id] = self._tasks.spawn(work, f"entry {entry_id}")
        task.add_done_callback(lambda done: self._work_done(entry_id, done))
        return task

    def _work_done(self, entry_id: str, task: asyncio.Task[None]) -> None:
        if self._work.get(entry_id) is task:
            del self._work[entry_id]

    async def _end_work(self, entry_id: str) -> None:
        task = self._work.pop(entry_id, None)
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=UNLOAD_LIMIT)


class _Missing(NanobotError):
    """Libraries are not installed, and may not be without being asked for."""

    def __init__(self, integration: Integration, missing: list[str], *, may_fix: bool) -> None:
        command = requirements.command_for(integration.domain, missing, custom=integration.custom)
        super().__init__(f"needs {', '.join(missing)}, which is not installed; install it with: {command}")
        self.integration = integration
        self.missing = missing
        self.may_fix = may_fix


class _Failure:
    """Why a setup failed, and what that means."""

    def __init__(self, config: EntryConfig, error: Exception) -> None:
        self.config = config
        self.error = error
        self.unexpected = not isinstance(error, NanobotError)
        self.retry = self.unexpected or isinstance(error, NotReady)
        text = str(error) or type(error).__name__
        if self.unexpected:
            text = f"{type(error).__name__}: {text}"
            if place := _place(error, config.domain):
                text += f" ({place})"
        self.text = text


def _place(error: Exception, domain: str) -> str:
    """File and line in the integration's own code where it went wrong; empty when it was not there."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        parts = Path(frame.f_code.co_filename).parts
        for position in range(len(parts) - 2):
            if parts[position : position + 2] == ("integrations", domain):
                place = f"{'/'.join(parts[position:])}:{line}"
    return place


async def _caught(work: Any) -> Exception | None:
    """The error instead of raising it, so that the task's owner does not log it as well."""
    try:
        await work
    except Exception as error:  # whatever an integration raises; the caller decides what it means
        return error
    return None
