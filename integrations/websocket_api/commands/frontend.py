"""What a web page asks for before it draws anything: texts, themes, its own data, dashboards that there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.util.aio import in_thread
from nanobot.util.translate import find

from ..kept import Kept

MAX_KEY = 255  # characters of the name of something kept

_domains = vol.All(lambda value: [value] if isinstance(value, str) else value, [str])


async def translations(call: SocketCall) -> Any:
    """The texts of integrations, flat: ``{"component.timer.services.start.description": "…"}``."""
    data = call.data
    wanted = data.get("integration") or sorted({entry.domain for entry in call.hub.entries.values()})
    return {"resources": await in_thread(_texts, wanted, data["category"], data["language"])}


def _texts(domains: list[str], category: str, language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for domain in domains:
        key = f"component.{domain}.{category}"
        for spoken in dict.fromkeys(("en", language.partition("-")[0], language)):
            found.update(_flat(key, find(key, spoken)))
    return found


def _flat(key: str, texts: Any) -> Iterator[tuple[str, str]]:
    if isinstance(texts, str):
        yield key, texts
    elif isinstance(texts, Mapping):
        for name, more in texts.items():
            yield from _flat(f"{key}.{name}", more)


def themes(call: SocketCall) -> Any:
    """There is one look."""
    return {"themes": {}, "default_theme": "default", "default_dark_theme": None}


def icons(call: SocketCall) -> Any:
    """Clients have icons of their own."""
    return {"resources": {}}


class UserData:
    """What a client keeps for its user."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._watching: dict[SocketCall, None] = {}

    def commands(self) -> list[SocketCommand]:
        """All of them."""
        key = vol.All(str, vol.Length(max=MAX_KEY))
        return [
            SocketCommand("frontend/get_user_data", self.get, Access.READ, vol.Schema({vol.Optional("key"): key})),
            SocketCommand(
                "frontend/set_user_data",
                self.set,
                Access.USER,
                vol.Schema(
                    {vol.Required("key"): key, vol.Required("value"): vol.Any(bool, str, int, float, dict, list, None)}
                ),
            ),
            SocketCommand(
                "frontend/subscribe_user_data", self.subscribe, Access.READ, vol.Schema({vol.Optional("key"): key})
            ),
        ]

    def get(self, call: SocketCall) -> Any:
        """One value, or all."""
        return self._value(call)

    def set(self, call: SocketCall) -> None:
        """Keep a value."""
        self._kept.keep(call.identity.user_id, call.data["key"], call.data["value"])
        for watching in self._watching:
            same_user = watching.identity.user_id == call.identity.user_id
            if same_user and watching.data.get("key") in (None, call.data["key"]):
                watching.event(self._value(watching))

    def subscribe(self, call: SocketCall) -> None:
        """Be told the value now and whenever it changes."""
        self._watching[call] = None
        call.subscribe(lambda: self._watching.pop(call, None))
        call.event(self._value(call))

    def _value(self, call: SocketCall) -> Any:
        data = self._kept.user_data.get(call.identity.user_id, {})
        return {"value": data.get(call.data["key"]) if "key" in call.data else data}


def no_dashboard(call: SocketCall) -> None:
    """Clients make one of the states."""
    raise SocketError("config_not_found", "No config found.")


def nothing(call: SocketCall) -> Any:
    """There are none here."""
    return []


def dashboards(call: SocketCall) -> Any:
    """How dashboards are kept: not at all."""
    return {"mode": "auto-gen", "resource_mode": "yaml"}


def numeric_classes(call: SocketCall) -> Any:
    """The classes of sensors whose states are numbers."""
    return {"numeric_device_classes": list(NUMERIC)}


NUMERIC = (
    "apparent_power", "aqi", "area", "atmospheric_pressure", "battery", "blood_glucose_concentration", "carbon_dioxide",
    "carbon_monoxide", "conductivity", "current", "data_rate", "data_size", "distance", "duration", "energy",
    "energy_distance", "energy_storage", "frequency", "gas", "humidity", "illuminance", "irradiance", "moisture",
    "monetary", "nitrogen_dioxide", "nitrogen_monoxide", "nitrous_oxide", "ozone", "ph", "pm1", "pm10", "pm25", "power",
    "power_factor", "precipitation", "precipitation_intensity", "pressure", "reactive_power", "signal_strength",
    "sound_pressure", "speed", "sulphur_dioxide", "temperature", "volatile_organic_compounds",
    "volatile_organic_compounds_parts", "voltage", "volume", "volume_flow_rate", "volume_storage", "water", "weight",
    "wind_direction", "wind_speed",
)  # fmt: skip

COMMANDS = [
    SocketCommand(
        "frontend/get_translations",
        translations,
        Access.READ,
        vol.Schema(
            {
                vol.Required("language"): vol.All(str, vol.Match(r"^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*\Z")),
                vol.Required("category"): vol.All(str, vol.Match(r"^[a-z_]+\Z")),
                vol.Optional("integration"): vol.All(_domains, [vol.Match(r"^[a-z0-9_]+\Z")]),
                vol.Optional("config_flow"): bool,
            }
        ),
        scoped=True,
    ),
    SocketCommand("frontend/get_themes", themes, Access.READ, scoped=True),
    SocketCommand(
        "frontend/get_icons",
        icons,
        Access.READ,
        vol.Schema({vol.Required("category"): str, vol.Optional("integration"): _domains}),
    ),
    SocketCommand(
        "lovelace/config",
        no_dashboard,
        Access.READ,
        vol.Schema({vol.Optional("url_path"): vol.Any(str, None), vol.Optional("force"): bool}),
    ),
    SocketCommand("lovelace/info", dashboards, Access.READ, scoped=True),
    SocketCommand("lovelace/resources", nothing, Access.READ, scoped=True),
    SocketCommand("lovelace/dashboards/list", nothing, Access.READ, scoped=True),
    SocketCommand("sensor/numeric_device_classes", numeric_classes, Access.READ, scoped=True),
]
