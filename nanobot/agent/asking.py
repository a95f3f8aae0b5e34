"""Asking a model: which one, how long, how often, and who is asked when it does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from nanobot.agent.models.bill import Bill
from nanobot.contracts.meter import Spender
from nanobot.contracts.model import Delta, Model, Request
from nanobot.errors import AuthFailed, ModelError, NanobotError, NotReady
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.issues import Severity
from nanobot.util.backoff import Backoff
from nanobot.util.text import nearest
from nanobot.util.translate import translate

GRACE = 5.0  # s in which a model that is not there is expected back (a reload)
LONGEST_WAIT = 30.0  # s that a model may ask to be left alone; one that wants more is passed over
BACKOFF = Backoff(first=0.5, limit=8.0)
ISSUES = {AuthFailed: "model_auth", NotReady: "model_away"}
"""What lasts beyond the request that failed. Any other refusal is one of that request."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Again:
    """What was said so far is void: the answer broke off and begins anew."""


class NoAnswer(NanobotError):
    """No model answered. ``why`` is what the first of them said, as a sentence; ``tried`` are their names.

    ``too_long``: one of them would take a shorter request. ``acted``: something may have been done already of what the
    person wants.
    """

    acted = False

    def __init__(self, why: str, tried: Sequence[str], *, too_long: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.tried = tuple(tried)
        self.too_long = too_long


class Refusal(NoAnswer):
    """No model was asked, because there was enough. ``why`` is a whole sentence for the person."""


NOBODY = Spender()


class Asking:
    """Asks the models of the hub on behalf of one agent. ``wanted``: the model's name, None for the first there is."""

    def __init__(
        self, hub: Hub, wanted: str | None, *, backoff: Backoff = BACKOFF, longest_wait: float = LONGEST_WAIT
    ) -> None:
        self.hub = hub
        self.wanted = wanted
        self.backoff = backoff
        self.longest_wait = longest_wait
        self.grace = GRACE

    async def stream(self, request: Request, spender: Spender | None = None) -> AsyncGenerator[Delta | Again]:
        """The answer of the first model that gives one. An empty one counts as none. Raises ``NoAnswer``.

        ``spender``: on whose behalf. Raises ``Refusal`` when a meter says that there was enough; no other model is
        asked then.
        """
        spender = spender or NOBODY
        waiting = [await self._first()]
        tried: list[str] = []
        why: NanobotError | None = None
        said = too_long = False
        while waiting:
            name = waiting.pop(0)
            if name in tried:
                continue
            tried.append(name)
            model = self.hub.models.get(name)
            if model is None:
                why = why or ModelError(self._unknown(name))
                continue
            fallbacks, attempt = model.fallbacks, 0
            while model is not None:
                attempt += 1
                self._allow(model, spender, tried[:-1])
                try:
                    async with contextlib.aclosing(self._once(model, request, spender)) as deltas:
                        async for delta in deltas:
                            said = said or bool(delta.text or delta.tool_calls)
                            yield delta
                except NanobotError as error:
                    failure: NanobotError = error
                else:
                    self._answered(model)
                    return
                if said:
                    said = False
                    yield Again()
                if self.hub.models.get(name) is not model:
                    # reloaded while it was asked, which is no failure: the new one is asked instead
                    model, attempt = await self._back(name), 0
                    why = why or (failure if model is None else None)
                    continue
                why = why or failure
                too_long = too_long or (isinstance(failure, ModelError) and failure.too_long)
                pause = self._pause(model, failure, attempt)
                self._failed(model, failure, first=attempt == 1, last=pause is None)
                if pause is None:
                    break
                await asyncio.sleep(pause)
                model = await self._back(name)
            waiting += fallbacks
        raise NoAnswer(self.hub.scrubber.scrub(str(why)), tried, too_long=too_long)

    async def _once(self, model: Model, request: Request, spender: Spender) -> AsyncGenerator[Delta]:
        """One try. Raises ``NotReady`` for silence and for an answer with nothing in it."""
        something = False
        bill = Bill(self.hub, model, spender, request)
        stream = model.stream(request)
        try:
            while True:
                try:
                    async with asyncio.timeout(model.timeout):
                        delta = await anext(stream)
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    raise NotReady(f"{model.name} said nothing for {model.timeout:g} s") from None
                something = something or bool(delta.text.strip() or delta.tool_calls)
                bill.take(delta)
                yield delta
            if not something:
                raise NotReady(f"{model.name} gave an empty answer")
        except NanobotError as error:
            bill.error = str(error)
            raise
        except Exception as error:  # a fault of the model's integration: another model may do better
            _log.exception("%s failed while it answered", model.name)
            bill.error = f"{model.name} failed unexpectedly: {type(error).__name__}"
            raise ModelError(bill.error) from error
        finally:
            bill.settle()
            if close := getattr(stream, "aclose", None):
                await close()

    def _allow(self, model: Model, spender: Spender, tried: Sequence[str]) -> None:
        for meter in self.hub.meters:
            if (why := meter.refusal(spender, model.name)) is not None:
                raise Refusal(why, tried)

    async def _first(self) -> str:
        """The model to begin with. One that was there just now, or may still come at the start, is waited for."""
        deadline = asyncio.get_running_loop().time() + self.grace
        while (name := self._there()) is None:
            if self.hub.phase is Phase.RUNNING and not self.hub.models.just_left(self.grace, self.wanted):
                raise NoAnswer(self._unknown(self.wanted), ())
            try:
                async with asyncio.timeout_at(deadline):
                    await self.hub.models.changed()
            except TimeoutError:
                raise NoAnswer(self._unknown(self.wanted), ()) from None
        return name

    async def _back(self, name: str) -> Model | None:
        """The model of that name, waited for while it is being reloaded; None when it does not come back."""
        try:
            async with asyncio.timeout(self.grace):
                while (model := self.hub.models.get(name)) is None:
                    await self.hub.models.changed()
        except TimeoutError:
            return None
        return model

    def _there(self) -> str | None:
        if self.wanted is None:
            return next(iter(self.hub.models.names()), None)
        return self.wanted if self.wanted in self.hub.models else None

    def _unknown(self, name: str | None) -> str:
        if name is None:
            return translate("agent.no_model", self.hub.language)
        near = nearest(name, self.hub.models.names())
        key = "agent.unknown_model_near" if near else "agent.unknown_model"
        return translate(key, self.hub.language, name=name, near=near)

    def _pause(self, model: Model, failure: NanobotError, attempt: int) -> float | None:
        """Seconds until the same model is asked again; None: it is not."""
        if not isinstance(failure, NotReady) or attempt > model.retries:
            return None
        if failure.retry_after is None:
            return self.backoff.delay(attempt)
        return failure.retry_after if failure.retry_after <= self.longest_wait else None

    def _failed(self, model: Model, failure: NanobotError, *, first: bool, last: bool) -> None:
        """Say it once: in the log when it begins, as an issue when it does not pass, until the model answers."""
        why, issue = self.hub.scrubber.scrub(str(failure)), model.issue
        news = first and issue not in self.hub.issues
        _log.log(logging.WARNING if news else logging.DEBUG, "%s%s", why, "" if last else "; asking again")
        key = ISSUES.get(type(failure))
        if last and key is not None:
            owner = getattr(model, "owner", None)
            self.hub.issues.create(
                issue,
                f"issues.{key}",
                severity=Severity.ERROR if isinstance(failure, AuthFailed) else Severity.WARNING,
                entry=owner if isinstance(owner, str) else None,
                model=model.name,
                error=why.rstrip("."),
            )

    def _answered(self, model: Model) -> None:
        if self.hub.issues.resolve(model.issue):
            _log.info("%s answers again", model.name)
