"""The web server: serves the views that integrations bring, to those who have signed in."""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.errors import ConfigError, NotReady, StorageError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.hub.issues import Severity
from nanobot.storage.credentials import BURST, PER_SECOND
from nanobot.util.aio import in_thread

from .openings import audit as audit

if TYPE_CHECKING:
    from .dispatch import Dispatcher
    from .server import Address, Server

PORT = 18790
CHECK_EVERY = 0.5  # s in which a revoked credential loses what it has open
REST_AFTER_FAILURE = 60.0  # s
TOLD_BANS = 20

_RATE = vol.Schema(
    {
        vol.Optional("per_second", default=PER_SECOND): vol.All(cv.positive_float, vol.Range(min=0.01)),
        vol.Optional("burst", default=BURST): vol.All(cv.whole_number, vol.Range(min=1)),
    }
)
_TEXTS = vol.All(cv.ensure_list, [cv.string])


def _network(value: Any) -> Any:
    """An address, or a network like ``192.168.1.0/24``."""
    try:
        return ipaddress.ip_network(cv.string(value), strict=False)
    except ValueError as error:
        raise vol.Invalid("is no network; write it like '192.168.1.0/24'") from error


CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("host", default=lambda: ["127.0.0.1"]): vol.All(_TEXTS, vol.Length(min=1)),
        vol.Optional("port", default=PORT): vol.All(cv.whole_number, vol.Range(min=0, max=65535)),
        vol.Optional("allow_remote", default=False): cv.boolean,
        vol.Inclusive("ssl_certificate", "tls"): cv.string,
        vol.Inclusive("ssl_key", "tls"): cv.string,
        vol.Optional("trusted_hosts", default=list): _TEXTS,
        vol.Optional("allowed_origins", default=list): _TEXTS,
        vol.Optional("trusted_proxies", default=list): vol.All(cv.ensure_list, [_network]),
        vol.Optional("trusted_networks", default=list): vol.All(
            cv.ensure_list,
            [
                vol.Schema(
                    {
                        vol.Required("networks"): vol.All(cv.ensure_list, [_network], vol.Length(min=1)),
                        vol.Required("users"): vol.All(_TEXTS, vol.Length(min=1)),
                    }
                )
            ],
        ),
        vol.Optional("ip_ban_enabled", default=True): cv.boolean,
        vol.Optional("login_attempts_threshold", default=-1): vol.All(cv.whole_number, vol.Range(min=-1)),
        vol.Optional("rate_limit", default=lambda: _RATE({})): _RATE,
        vol.Optional("max_body_mb", default=8): vol.All(cv.whole_number, vol.Range(min=1, max=1024)),
    }
)

Config = Mapping[str, Any]


async def setup(hub: Hub, entry: Entry) -> None:
    """Raises ``ConfigError`` when it would be open to the network without need, ``NotReady`` for a port in use."""
    await in_thread(importlib.import_module, f"{__name__}.view")  # aiohttp takes its time
    await in_thread(importlib.import_module, f"{__name__}.server")
    from .dispatch import Dispatcher
    from .flows import Flows
    from .guard import Guard
    from .oauth import SignInViews
    from .server import Server, open_patiently
    from .view import LoginViews

    config = entry.config
    address = _address(hub, config)
    _check_remote(hub, address, config)
    login = LoginViews(hub, lambda: dispatcher, lambda: flows)
    guard = Guard.of(config["trusted_hosts"], config["allowed_origins"])
    dispatcher = Dispatcher(entry, guard, login.page_instead)
    flows = Flows(hub, dispatcher.limiter, asyncio.get_running_loop().time)
    _apply(dispatcher, config)
    server = Server(dispatcher, config["max_body_mb"] * 1024 * 1024)
    entry.on_unload(server.close)
    for view in (*login.views(), *SignInViews(hub, dispatcher, flows).views()):
        entry.add(view)
    entry.data = server
    await open_patiently(server, address)
    _tell(entry, server)
    entry.run(partial(_check_credentials, hub, entry), name="credentials")
    if not hub.credentials.claimed:
        code = await in_thread(hub.credentials.claim_code, "start")
        hub.announce(f"Open this link once to sign in (good for an hour): {server.url}/claim#{code}")


async def reload(hub: Hub, entry: Entry, config: Config) -> bool:
    """In place, so that nobody is cut off: the lists at once, the address by opening the new one first."""
    from .guard import Guard

    if config["max_body_mb"] != entry.config["max_body_mb"]:
        return False
    server: Server = entry.data
    address = _address(hub, config)
    _check_remote(hub, address, config)
    if address != server.address:
        try:
            await server.open(address)
        except NotReady as error:
            raise ConfigError(str(error)) from error
        _tell(entry, server)
    server.dispatcher.guard = Guard.of(config["trusted_hosts"], config["allowed_origins"])
    _apply(server.dispatcher, config)
    return True


def _apply(dispatcher: Dispatcher, config: Config) -> None:
    """What is about addresses and rates."""
    from .peer import Proxies, Trust

    dispatcher.proxies = Proxies(tuple(config["trusted_proxies"]))
    dispatcher.trust = Trust.of(config["trusted_networks"])
    threshold = config["login_attempts_threshold"]
    dispatcher.limiter.threshold = threshold if threshold > 0 else None
    dispatcher.limiter.bans = config["ip_ban_enabled"]
    dispatcher.hub.credentials.rates.limit(config["rate_limit"]["per_second"], config["rate_limit"]["burst"])


def _address(hub: Hub, config: Config) -> Address:
    from .server import Address

    def file(key: str) -> Path | None:
        return hub.config_dir / config[key] if key in config else None

    port = config["port"] if hub.port_override is None else hub.port_override
    return Address(tuple(config["host"]), port, file("ssl_certificate"), file("ssl_key"))


def _check_remote(hub: Hub, address: Address, config: Config) -> None:
    if address.is_local:
        return
    where = ", ".join(address.hosts)
    if not config["allow_remote"]:
        raise ConfigError(
            f"http > host {where} would open this hub to the network. If that is meant, add 'allow_remote: true'; "
            "if not, remove 'host'"
        )
    if not hub.credentials.exist():
        raise ConfigError(
            f"http > host {where} opens this hub to the network, but nobody can sign in yet. Make a token with "
            "'nanobot token create --name NAME', or start once without 'host' and open the link; then save again"
        )


def _tell(entry: Entry, server: Server) -> None:
    assert server.address is not None
    entry.hub.run_info["url"] = server.url
    entry.hub.bus.fire("http_started", {"url": server.url})
    entry.log.info("listening at %s", server.url)
    if server.address.is_local or server.address.certificate is not None:
        entry.resolve("unencrypted")
    else:
        entry.issue("unencrypted", severity=Severity.WARNING, url=server.url)


async def _check_credentials(hub: Hub, entry: Entry) -> None:
    """Notice what was revoked elsewhere, and write down now and then what was used."""
    server: Server = entry.data
    rest, told = 0.0, ""
    while True:
        hub.credentials.check()
        server.look()
        banned = ", ".join(one.network for one in hub.credentials.bans.all()[:TOLD_BANS])
        if banned != told:
            told = banned
            if banned:
                entry.issue("banned", severity=Severity.WARNING, addresses=banned)
            else:
                entry.resolve("banned")
        await asyncio.sleep(CHECK_EVERY)
        rest -= CHECK_EVERY
        if rest > 0 or not hub.credentials.has_unsaved_uses():
            continue
        try:
            await in_thread(hub.credentials.save_uses)
        except StorageError as error:
            entry.log.warning("%s", error)
            rest = REST_AFTER_FAILURE
