"""Asking a model: which one, how long, how often, and who is asked when it does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from nanobot.agent.models.bill import Bill, tokens_of
from nanobot.agent.models.order import arranged
from nanobot.agent.models.throttle import TooMany
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


def allow(hub: Hub, model: str, spender: Spender) -> None:
    """Raises ``Refusal`` when a meter says that there was enough."""
    for meter in hub.meters:
        if (why := meter.refusal(spender, model)) is not None:
            raise Refusal(why, ())


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

    def of(self, name: str) -> Asking:
        """The same, but this model is asked first, as long as it is there."""
        if name not in self.hub.models:
            return self
        asking = Asking(self.hub, name, backoff=self.backoff, longest_wait=self.longest_wait)
        asking.grace = self.grace
        return asking

    async def stream(self, request: Request, spender: Spender | None = None) -> AsyncGenerator[Delta | Again]:
        """The answer of the first model that gives one. An empty one counts as none. Raises ``NoAnswer``.

        ``spender``: on whose behalf. Raises ``Refusal`` when a meter says that there was enough; no other model is
        asked then. A model that is better left alone is passed over, and asked once if no other answers.
        """
        spender = spender or NOBODY
        first = await self._first()
        waiting = [first]
        left_alone: list[str] = []
        tried: list[str] = []
        why: NanobotError | None = None
        said = too_long = False
        while waiting or left_alone:
            last_resort = not waiting
            name = left_alone.pop(0) if last_resort else waiting.pop(0)
            if name in tried or (name in left_alone and not last_resort):
                continue
            model = self.hub.models.get(name)
            if model is not None and not last_resort and model.health is not None and model.health.is_left_alone():
                left_alone.append(name)
                waiting += model.fallbacks
                continue
            tried.append(name)
            if model is None:
                why = why or ModelError(self._unknown(name))
                continue
            fallbacks, attempt = model.fallbacks, 0
            while model is not None:
                attempt += 1
                try:
                    async with contextlib.aclosing(self._once(model, request, spender, attempt)) as deltas:
                        async for delta in deltas:
                            said = said or bool(delta.text or delta.tool_calls)
                            yield delta
                except Refusal as refusal:
                    refusal.tried = tuple(tried[:-1])
                    raise
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
                if why is None or (last_resort and name == first):
                    why = failure
                too_long = too_long or (isinstance(failure, ModelError) and failure.too_long)
                pause = None if last_resort else self._pause(model, failure, attempt)
                if not isinstance(failure, TooMany):
                    self._failed(model, failure, first=attempt == 1, last=pause is None)
                if pause is None:
                    break
                await asyncio.sleep(pause)
                model = await self._back(name)
            waiting += fallbacks
        raise NoAnswer(self.hub.scrubber.scrub(str(why)), tried, too_long=too_long)

    async def _once(self, model: Model, request: Request, spender: Spender, attempt: int) -> AsyncGenerator[Delta]:
        """One try, when the limits of the model and those who count allow it."""
        throttle, health = model.throttle, model.health
        tokens = tokens_of(request) if throttle is not None and throttle.counts_tokens else 0
        try:
            async with contextlib.AsyncExitStack() as stack:
                admitted = None if throttle is None else await stack.enter_async_context(throttle.admit(tokens))
                allow(self.hub, model.name, spender)
                bill = Bill(self.hub, model, spender, request)
                async with contextlib.aclosing(self._answer(model, request, bill)) as deltas:
                    async for delta in deltas:
                        yield delta
                if admitted is not None:
                    admitted.tokens = bill.tokens()
        except BaseException:
            if health is not None:
                health.let_go()
            raise
        if health is not None:
            health.answered(bill.seconds, bill.first, failed_before=attempt > 1)

    async def _answer(self, model: Model, request: Request, bill: Bill) -> AsyncGenerator[Delta]:
        """What the model says. Raises ``NotReady`` for silence and for an answer with nothing in it."""
        something = False
        stream = model.stream(arranged(request, sees=model.sees, strict=model.strict))
        try:
            while True:
                try:
                    async with asyncio.timeout(model.timeout):
                        delta = await anext(stream)
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    raise NotReady(f"{model.name} said nothing for {model.timeout:g} s") from None
                except ModelError as error:
                    if not error.too_loose or model.strict or something:
                        raise
                    model.strict = True  # from now on
                    stream = model.stream(arranged(request, sees=model.sees, strict=True))
                    continue
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
        if not isinstance(failure, NotReady) or isinstance(failure, TooMany) or attempt > model.retries:
            return None
        if failure.retry_after is None:
            return self.backoff.delay(attempt)
        return failure.retry_after if failure.retry_after <= self.longest_wait else None

    def _failed(self, model: Model, failure: NanobotError, *, first: bool, last: bool) -> None:
        """Say it once: in the log when it begins, as an issue when it does not pass, until the model answers."""
        why, issue = self.hub.scrubber.scrub(str(failure)), model.issue
        if last and model.health is not None:
            model.health.failed(failure, why)
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
