"""Search engines: each takes words and gives titles, addresses and what stands there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from nanobot.errors import ToolError

from .net import Net
from .reader import Reader

ENGINES: Mapping[str, str | None] = {"duckduckgo": None, "brave": "key", "tavily": "key", "searxng": "url"}
"""By name: the option that it needs."""

BRAVE = "https://api.search.brave.com/res/v1/web/search"  # https://api-dashboard.search.brave.com/app/documentation
TAVILY = "https://api.tavily.com/search"  # https://docs.tavily.com


@dataclass(frozen=True, slots=True)
class Found:
    """One result."""

    title: str
    url: str
    text: str


Engine = Callable[[str, int], Awaitable[list[Found]]]


def engine(config: Mapping[str, Any], net: Net, reader: Reader) -> Engine:
    """The one that is configured."""
    return {"duckduckgo": _duckduckgo, "brave": _brave, "tavily": _tavily, "searxng": _searxng}[config["engine"]](
        config, net, reader
    )


def _duckduckgo(config: Mapping[str, Any], net: Net, reader: Reader) -> Engine:
    """Without a key, through ddgs: DuckDuckGo, and others where it does not answer."""

    async def search(query: str, count: int) -> list[Found]:
        asked = {
            "query": query,
            "count": count,
            "region": config.get("region", "wt-wt"),
            "backend": "auto",
            "proxy": config.get("proxy"),
        }
        answer = await reader.work("search", orjson.dumps(asked))
        return [Found(*one) for one in answer["results"]]

    return search


def _brave(config: Mapping[str, Any], net: Net, reader: Reader) -> Engine:
    async def search(query: str, count: int) -> list[Found]:
        parameters = {"q": query, "count": str(count)}
        if "region" in config:
            parameters["country"] = config["region"]
        answer = await net.call(
            config.get("url", BRAVE),
            method="GET",
            params=parameters,
            headers={"X-Subscription-Token": config["key"].reveal(), "Accept": "application/json"},
        )
        return _results(_inner(answer, "web", "results"), "description")

    return search


def _tavily(config: Mapping[str, Any], net: Net, reader: Reader) -> Engine:
    async def search(query: str, count: int) -> list[Found]:
        answer = await net.call(
            config.get("url", TAVILY),
            method="POST",
            json={"query": query, "max_results": count},
            headers={"Authorization": f"Bearer {config['key'].reveal()}"},
        )
        return _results(_inner(answer, "results"), "content")

    return search


def _searxng(config: Mapping[str, Any], net: Net, reader: Reader) -> Engine:
    """A server of one's own; its settings must allow the format json (https://docs.searxng.org/dev/search_api.html)."""

    async def search(query: str, count: int) -> list[Found]:
        parameters = {"q": query, "format": "json"}
        if "region" in config:
            parameters["language"] = config["region"]
        answer = await net.call(f"{config['url'].rstrip('/')}/search", method="GET", params=parameters)
        return _results(_inner(answer, "results"), "content")[:count]

    return search


def _inner(answer: Any, *keys: str) -> list[Any]:
    for key in keys:
        answer = answer.get(key) if isinstance(answer, dict) else None
    if answer is None:
        return []
    if not isinstance(answer, list):
        raise ToolError("The search engine gives an answer that cannot be understood.")
    return answer


def _results(found: list[Any], text: str) -> list[Found]:
    return [
        Found(str(one.get("title") or ""), str(one["url"]), str(one.get(text) or ""))
        for one in found
        if isinstance(one, dict) and one.get("url")
    ]
