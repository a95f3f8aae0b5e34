"""``config.json`` of the older nanobot in the words of our configuration."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from nanobot.util.text import one_line

from . import channels as of_channels
from . import tools as of_tools
from .keys import Keys
from .models import MAIN, Models
from .note import Notes
from .section import Section

OF_THE_AGENT = (
    "context_window_tokens", "max_tool_result_chars", "provider_retry_mode", "tool_hint_max_length", "timezone_mode",
    "bot_icon", "idle_compact_after_minutes", "session_ttl_minutes", "idle_compact_check_interval_seconds",
    "memory_window", "persona", "max_tool_result_tokens",
)  # fmt: skip
"""What is decided otherwise here, and nobody misses."""
PORT = 18790


@dataclass(slots=True)
class Settings:
    """``entries`` by key of our configuration; ``core`` for the block ``nanobot:``."""

    entries: dict[str, Any] = field(default_factory=dict)
    core: dict[str, Any] = field(default_factory=dict)
    workspace: str | None = None
    zone: str | None = None
    heartbeat: float | None = 1800.0
    """Seconds between two looks into HEARTBEAT.md; None: it is off."""
    owners: frozenset[str] = frozenset()
    """Senders of Telegram who run nanobot."""


def settings(
    config: Any, pairing: Any, keys: Keys, notes: Notes, *, here: Callable[[str], bool], models: Collection[str] = ()
) -> Settings:
    """All that can be said here; the rest is told. ``here``: whether there is an integration of that name. ``models``:
    names that other models have."""
    found = Settings()
    if config is None:
        return found
    whole = Section(config, "", notes)
    defaults = whole.section("agents").section("defaults")
    gateway = whole.section("gateway")
    found.workspace, found.zone = defaults.text("workspace"), defaults.text("timezone")
    if found.zone:
        found.core["time_zone"] = found.zone
    found.core["name"] = one_line(defaults.text("bot_name") or "nanobot", 100)
    entries, main = _models(whole, defaults, Models(whole.section("providers"), keys, notes, models), notes)
    found.entries |= entries
    found.entries["agent"] = _agent(defaults, entries, main, notes)
    found.entries |= of_channels.entries(whole.section("channels"), of_channels.approved(pairing), keys, notes, here)
    found.entries |= of_tools.entries(whole.section("tools"), keys, notes)
    _of_the_house(found, defaults, gateway)
    if "api" in whole and whole.section("api").text("api_key"):
        notes.add("api_key")
    transcription = whole.section("transcription")
    if transcription.flag("enabled", False) or transcription.text("api_key"):
        notes.add("no_counterpart", where="config.json", names="transcription")
    beat = gateway.section("heartbeat")
    found.heartbeat = (beat.number("interval_s", 1, 10_000_000) or 1800) if beat.flag("enabled", True) else None
    people = found.entries.get("telegram", {}).get("allow", ())
    found.owners = frozenset(str(one) for one in people)
    whole.tell_rest()
    defaults.tell_rest()
    return found


def _models(
    whole: Section, defaults: Section, models: Models, notes: Notes
) -> tuple[dict[str, dict[str, Any]], str | None]:
    """The entries with models, and the name of the one that answers."""
    presets = whole.section("model_presets").sections()
    chosen = defaults.text("model_preset")
    names: dict[str, str] = {}
    main = None
    if chosen is None or chosen not in presets:
        main = models.add(MAIN, defaults)
        if main is None and "model" not in defaults and not _has_models(presets):
            notes.add("no_model")
    for preset, section in presets.items():
        if (name := models.add(preset, section)) is not None:
            names[preset] = name
            section.ignore("label")
            section.tell_rest()
    main = main or names.get(chosen or "")
    fallbacks = _fallbacks(defaults, models, names, notes)
    if main is not None:
        models.fall_back(main, [name for name in fallbacks if name != main])
    return models.entries(), main


def _has_models(presets: dict[str, Section]) -> bool:
    """Whether a preset names a model."""
    return any("model" in section for section in presets.values())


def _fallbacks(defaults: Section, models: Models, names: dict[str, str], notes: Notes) -> list[str]:
    given = defaults.take("fallback_models")
    found: list[str] = []
    for number, one in enumerate(given if isinstance(given, list) else (), 1):
        if isinstance(one, str) and one in names:
            found.append(names[one])
            continue
        whole = {"model": one} if isinstance(one, str) else one
        name = models.add(f"fallback {number}", Section(whole, "agents.defaults.fallbackModels", notes))
        if name is not None:
            found.append(name)
    return found


def _agent(defaults: Section, entries: dict[str, dict[str, Any]], main: str | None, notes: Notes) -> dict[str, Any]:
    agent: dict[str, Any] = {}
    names = [name for entry in entries.values() for name in entry["models"]]
    if names:
        agent["model"] = main if main in names else names[0]
    if name := defaults.text("bot_name"):
        agent["name"] = one_line(name, 100)
    if (rounds := defaults.whole("max_tool_iterations", 1, 100_000)) is not None:
        agent["rounds"] = min(rounds, 200)
    if defaults.flag("unified_session", False):
        notes.add("unified")
    defaults.ignore("model", "provider", "max_tokens", "temperature", "reasoning_effort", *OF_THE_AGENT)
    return agent


def _of_the_house(found: Settings, defaults: Section, gateway: Section) -> None:
    """What our integrations do that were no part of their own there."""
    memory, subagent = {}, {}
    if not defaults.section("dream").flag("enabled", True):
        memory["consolidate"] = False
    if (at_once := defaults.whole("max_concurrent_subagents", 1, 1000)) is not None:
        subagent["at_once"] = min(at_once, 50)
    disabled = defaults.texts("disabled_skills")
    found.entries["memory"] = memory
    found.entries["skills"] = {"disabled": disabled} if disabled else {}
    found.entries["subagent"] = subagent
    port = gateway.whole("port", 1, 65535)
    if port not in (None, PORT):
        found.entries["http"] = {"port": port}
    gateway.ignore("host", "restart_mode")
