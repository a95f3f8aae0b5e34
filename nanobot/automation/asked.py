"""What clients of the hub may ask about causes and runs: why, why not, and what automations and scripts did."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from nanobot.automation.live import follow
from nanobot.automation.rows import depth_of, row_of, rows_of
from nanobot.automation.runnable import RunnableEntity
from nanobot.automation.trace import plain
from nanobot.automation.why import find, why, why_not, why_not_text, why_text
from nanobot.contracts.command import Connection
from nanobot.errors import NanobotError
from nanobot.hub.hub import Hub
from nanobot.util.translate import translate

MOST_NEWS = 10_000  # of a run that is followed; a client that is further behind misses some

Data = Mapping[str, Any]


async def told_why(hub: Hub, what: str, language: str) -> str:
    """In words."""
    return why_text(hub, await why(hub, what, language=language), language)


async def told_why_not(hub: Hub, what: str, language: str) -> str:
    """In words."""
    return why_not_text(hub, await why_not(hub, what, language=language), language)


def acting_on(hub: Hub, entity_id: str) -> list[str]:
    """The automations and scripts in which an entity is named, by entity id."""
    named = f'"{entity_id}"'
    return [
        item.entity_id for item in hub.runnables if named in orjson.dumps(plain(item.written), default=str).decode()
    ]


async def links(hub: Hub, connection: Connection, data: Data) -> Any:
    """``why``: the links, and ``text``."""
    language = data.get("language") or hub.language
    answer = await why(hub, data["what"], language=language)
    return {**plain(answer.as_dict()), "text": why_text(hub, answer, language)}


async def hindrances(hub: Hub, connection: Connection, data: Data) -> Any:
    """``why_not``: what is known, and ``text``."""
    language = data.get("language") or hub.language
    answer = await why_not(hub, data["what"], language=language)
    return {**plain(answer.as_dict()), "text": why_not_text(hub, answer, language)}


async def items(hub: Hub, connection: Connection, data: Data) -> Any:
    """``automation/list``: all, or those of a domain."""
    wanted = data.get("domain")
    return [_told(hub, item) for item in hub.runnables if wanted in (None, item.domain)]


async def traced(hub: Hub, connection: Connection, data: Data) -> Any:
    """``automation/trace``: the latest run with its steps, or the one whose id ends so; and which runs there are."""
    item = find(hub, data["name"], language=data.get("language") or hub.language)
    traces = list(item.traces)
    run_id = data.get("run")
    if run_id is not None:
        traces = [trace for trace in traces if trace.run_id.lower().endswith(str(run_id).lower())]
        if not traces:
            language = data.get("language") or hub.language
            raise NanobotError(translate("why.no_run", language, name=item.entity_id, run=run_id))
    return {
        **_told(hub, item),
        **_with_rows(traces[-1].full() if traces else None),
        "runs": [trace.short() for trace in item.traces],
    }


async def run(hub: Hub, connection: Connection, data: Data) -> Any:
    """``automation/run``: run one to its end; what it does meanwhile are events. Gives the trace."""
    item = find(hub, data["name"], language=data.get("language") or hub.language)
    return await _run(hub, connection, item, data.get("variables") or {})


def _told(hub: Hub, item: Any) -> dict[str, Any]:
    """An item in a few words. ``last``: its latest trace as ``trace/list`` has it."""
    state = hub.states.get(item.entity_id)
    traces = list(item.traces)
    runnable = isinstance(item, RunnableEntity)
    last_triggered = item.last_triggered if runnable else None
    error = item.error if runnable else None
    return {
        "entity_id": item.entity_id,
        "domain": item.domain,
        "item_id": item.item_id,
        "name": (item.name if runnable else None) or item.entity_id,
        "state": None if state is None else state.state,
        "current": 0 if not runnable or item.runner is None else item.runner.current,
        "error": None if error is None else hub.scrubber.scrub(error),
        "last_triggered": None if last_triggered is None else last_triggered.isoformat(),
        "last": traces[-1].short() if traces else None,
    }


async def _run(hub: Hub, connection: Connection, item: RunnableEntity, variables: Mapping[str, Any]) -> Any:
    """Run an item to its end; its news are events of the connection. Gives the full trace."""
    if item.runner is None:
        raise NanobotError(item.error or f"{item.entity_id} cannot run")
    news: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue(MOST_NEWS)

    seen: set[str] = set()
    written = plain(item.written, scrub=hub.scrubber.scrub)

    def told(one: Mapping[str, Any]) -> None:
        step = one.get("step")
        if step is not None:
            seen.add(step["path"])
            one = {**one, "row": row_of(written, step, depth_of(step["path"], seen))}
        if not news.full():
            news.put_nowait(one)

    async def send() -> None:
        while (one := await news.get()) is not None:
            await connection.send(one)

    before = {trace.run_id for trace in item.traces}
    context = connection.context
    hub.causes.askers.append(context)
    stop = follow(hub, told, item.domain, item.item_id)
    sending = asyncio.create_task(send())
    error: str | None = None
    try:
        await item.run(dict(variables), context, wait=True)
    except NanobotError as failure:
        error = str(failure)
    finally:
        stop()
        if news.full():
            news.get_nowait()
        news.put_nowait(None)
        await sending
    new = [trace for trace in item.traces if trace.run_id not in before]
    mine = [trace for trace in new if context.id in (trace.context.id, trace.context.parent_id)]
    return {"error": error, **_with_rows(mine[0].full() if mine else None)}


def _with_rows(trace: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"trace": trace, "rows": [] if trace is None else rows_of(trace)}
