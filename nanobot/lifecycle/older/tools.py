"""The tools of the older nanobot: shell, web and MCP servers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nanobot.util.text import slugify

from .keys import Keys
from .note import Notes
from .section import Section

ENGINES = {"brave": "key", "tavily": "key", "searxng": "url", "duckduckgo": None}
"""Search engines that are here, and what each needs."""


def entries(tools: Section, keys: Keys, notes: Notes) -> dict[str, Any]:
    """By key of our configuration."""
    found: dict[str, Any] = {}
    shell, web = tools.section("exec"), tools.section("web")
    if shell.flag("enable", True):
        found["shell"] = _shell(shell, notes)
    if web.flag("enable", True):
        found["web"] = _web(web, keys, notes)
    if servers := _servers(tools.section("mcp_servers"), keys, notes):
        found["mcp"] = servers
    if "restrict_to_workspace" in tools and not tools.flag("restrict_to_workspace", True):
        notes.add("restricted")
    if hosts := tools.texts("ssrf_whitelist"):
        notes.add("private_hosts", hosts=", ".join(hosts))
    if not tools.section("file").flag("enable", True):
        notes.add("files_off")
    for part, what in (("cli_apps", "cliApps"), ("image_generation", "imageGeneration")):
        if (one := tools.section(part)).flag("enable", False) or one.flag("enabled", False):
            notes.add("no_counterpart", where="tools", names=what)
    tools.ignore(
        "my", "my_enabled", "my_set", "max_session_messages_per_minute", "webui_allow_local_service_access",
        "webui_allow_remote_package_install",
    )  # fmt: skip
    tools.tell_rest()
    return found


def _shell(section: Section, notes: Notes) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if (timeout := section.number("timeout", 1, 3600)) is not None:
        entry["timeout"] = timeout
    patterns = [one for one in section.texts("deny_patterns") if _is_pattern(one, notes)]
    if patterns:
        entry["deny"] = patterns
    if names := section.texts("allowed_env_keys"):
        notes.add("shell_variables", names=", ".join(names))
    section.ignore("sandbox", "restrict_to_workspace")
    section.tell_rest()
    return entry


def _is_pattern(text: str, notes: Notes) -> bool:
    try:
        re.compile(text)
    except re.error:
        notes.add("wrong_type", where="tools.exec.denyPatterns")
        return False
    return True


def _web(section: Section, keys: Keys, notes: Notes) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    search, given = _search(section.section("search"), keys, notes)
    if search:
        entry["search"] = search
    if agent := section.text("user_agent"):
        entry["user_agent"] = agent
    if proxy := section.text("proxy") or given.text("proxy"):
        if search.get("engine", "duckduckgo") == "duckduckgo":
            entry.setdefault("search", {})["proxy"] = keys.address("web_proxy", proxy)
        else:
            notes.add("no_proxy")
    section.ignore("fetch")
    given.ignore("timeout")
    for one in (section, given):
        one.tell_rest()
    return entry


def _search(section: Section, keys: Keys, notes: Notes) -> tuple[dict[str, Any], Section]:
    engine = section.text("provider")
    key, url = section.text("api_key"), section.text("base_url")
    engine = engine or ("brave" if key else "duckduckgo")  # before there were others, a key was one of Brave
    found: dict[str, Any] = {}
    needed = {"key": key, "url": url}.get(ENGINES.get(engine) or "", "")
    if engine not in ENGINES:
        notes.add("no_engine", engine=engine)
    elif needed is None:
        notes.add("no_search_key", engine=engine)
    elif ENGINES[engine] == "url":
        found = {"engine": engine, "url": keys.address("search_url", needed)}
    elif ENGINES[engine] == "key" and (kept := keys.keep(f"{engine}_api_key", needed)) is not None:
        found = {"engine": engine, "key": kept}
    if (results := section.whole("max_results", 1, 20)) not in (None, 5):
        found["results"] = results
    return found, section


def _servers(section: Section, keys: Keys, notes: Notes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in section.sections().items():
        server = _server(name, one, keys, notes)
        if server is not None:
            label, number = slugify(name), 1
            while (wanted := label if number == 1 else f"{label}_{number}") in found:
                number += 1
            found[wanted] = server
            one.tell_rest()
    return found


def _server(name: str, section: Section, keys: Keys, notes: Notes) -> dict[str, Any] | None:
    kind, command, url = section.text("type"), section.text("command"), section.text("url")
    if kind == "sse" or (command is None and url is None) or section.take("auth"):
        reason = "mcp_sse" if kind == "sse" else "mcp_login" if command or url else "mcp_neither"
        notes.add(reason, server=name)
        return None
    entry: dict[str, Any] = {}
    if command is not None:
        entry["command"] = command
        if arguments := section.texts("args"):
            entry["args"] = keys.arguments(f"mcp_{name}_argument", arguments)
        if values := _kept(section, "env", f"mcp_{name}", keys):
            entry["env"] = values
        if folder := section.text("cwd"):
            path = Path(folder).expanduser()
            if path.is_dir():
                entry["folder"] = str(path)
            else:
                notes.add("mcp_folder", server=name, folder=folder)
        section.ignore("url", "headers")
    else:
        entry["url"] = keys.address(f"mcp_{name}_url", str(url))
        if values := _kept(section, "headers", f"mcp_{name}", keys):
            entry["headers"] = values
        section.ignore("args", "env", "cwd")
    tools = section.texts("enabled_tools")
    if tools and tools != ["*"]:
        entry["tools"] = [tool.removeprefix(f"mcp_{name}_") for tool in tools]
    if (timeout := section.number("tool_timeout", 1, 3600)) not in (None, 60):
        entry["timeout"] = timeout
    return entry


def _kept(section: Section, name: str, prefix: str, keys: Keys) -> dict[str, Any]:
    """What a server is given; anything that may be a key is kept as one."""
    values = section.take(name)
    found: dict[str, Any] = {}
    for key, value in values.items() if isinstance(values, dict) else ():
        if isinstance(value, str | int | float) and value != "":
            kept = keys.value(f"{prefix}_{key}", str(value))
            if kept is not None:
                found[str(key)] = kept
    return found
