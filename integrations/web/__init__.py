"""Web: tools with which an agent searches the web and reads pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.audit import Finding
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .engines import ENGINES, engine
from .fetch import WebFetch
from .net import Net
from .reader import Reader
from .search import WebSearch
from .seen import Seen

MB = 1024 * 1024


def _key_where_needed(search: dict[str, Any]) -> dict[str, Any]:
    needs = ENGINES[search["engine"]]
    if needs and needs not in search:
        raise vol.Invalid(f"the engine {search['engine']} needs the option '{needs}'", path=[needs])
    if "proxy" in search and search["engine"] != "duckduckgo":
        raise vol.Invalid("only the engine duckduckgo is asked through a proxy", path=["proxy"])
    return search


SEARCH = vol.All(
    {
        vol.Optional("engine", default="duckduckgo"): cv.one_of(*ENGINES),
        vol.Optional("key"): cv.secret,
        vol.Optional("url"): cv.url,
        vol.Optional("proxy"): cv.url,
        vol.Optional("results", default=5): vol.All(cv.whole_number, vol.Range(min=1, max=20)),
        vol.Optional("region"): cv.string,
    },
    _key_where_needed,
)
HOSTS = vol.All(cv.ensure_list, [vol.All(cv.string, vol.Lower)])
CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("search", default=dict): vol.Any(vol.All(False, lambda _: None), SEARCH),
        vol.Optional("fetch", default=True): cv.boolean,
        vol.Optional("allow"): HOSTS,
        vol.Optional("deny", default=list): HOSTS,
        vol.Optional("private", default=list): HOSTS,
        vol.Optional("max_bytes", default=5 * MB): vol.All(cv.size, vol.Range(min=1024, max=50 * MB)),
        vol.Optional("timeout", default=20): vol.All(cv.positive_float, vol.Range(min=1, max=120)),
        vol.Optional("user_agent"): cv.string,
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    config = entry.config
    net = Net(config)
    await net.open()
    entry.on_unload(net.close)
    reader = Reader(entry)
    seen = Seen()
    if config["search"] is not None:
        entry.add(WebSearch(engine(config["search"], net, reader), config["search"]["results"], seen))
    if config["fetch"]:
        entry.add(WebFetch(hub.media, net, reader, seen))


def audit(config: Mapping[str, Any]) -> list[Finding]:
    """What this configuration leaves open."""
    if not config["fetch"]:
        return []
    hosts = enumerate(config["private"])
    return [Finding("private", "warning", ("private", number), {"host": host}) for number, host in hosts]


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    found = set()
    if config["search"] is not None:
        found.add("agents search the web")
    if config["fetch"]:
        found |= {f"agents read pages of {host}" for host in config.get("allow", ["any public server"])}
        found |= {f"agents read pages of {host}, in a private network" for host in config["private"]}
    return found
