"""The older ``config.json`` in the words of our configuration."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.lifecycle.older.keys import Keys
from nanobot.lifecycle.older.note import Notes
from nanobot.lifecycle.older.settings import settings
from nanobot.util.yaml import Tag
from tests.lifecycle.older.home import KEY, TOKEN


class Turned:
    """What becomes of a configuration; tags as they are written."""

    def __init__(self, config: Any, pairing: Any = None, secrets: dict[str, Any] | None = None, here: str = "") -> None:
        self.notes = Notes()
        self.keys = Keys(secrets or {}, self.notes)
        self.settings = settings(config, pairing, self.keys, self.notes, here=lambda name: name == here)
        self.entries: dict[str, Any] = plain(self.settings.entries)

    def told(self) -> list[str]:
        return [note.key for note in self.notes]


def plain(value: Any) -> Any:
    match value:
        case Tag():
            return f"{value.name} {value.argument}"
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


def of(defaults: dict[str, Any], providers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"agents": {"defaults": defaults}, "providers": providers, **more}


@pytest.mark.parametrize(
    ("model", "providers", "entry", "id_"),
    [
        ("anthropic/claude-opus-4-5", {"openrouter": {"apiKey": KEY}, "anthropic": {"apiKey": ""}},
         "openai_compatible openrouter", "anthropic/claude-opus-4-5"),
        ("anthropic/claude-opus-4-5", {"anthropic": {"apiKey": KEY}}, "litellm anthropic", "anthropic/claude-opus-4-5"),
        ("claude-opus-4-5", {"openai": {"apiKey": "x"}, "anthropic": {"api_key": KEY}}, "litellm anthropic",
         "anthropic/claude-opus-4-5"),
        ("openrouter/qwen/qwen3-32b", {"openrouter": {"apiKey": KEY}}, "openai_compatible openrouter",
         "qwen/qwen3-32b"),
        ("deepseek/deepseek-chat", {"deepseek": {"apiKey": KEY}}, "openai_compatible deepseek", "deepseek-chat"),
        ("hosted_vllm/llama", {"vllm": {"apiBase": "http://gpu.lan:8000/v1"}}, "openai_compatible vllm",
         "hosted_vllm/llama"),
        ("ollama/qwen3:8b", {}, "openai_compatible ollama", "qwen3:8b"),
    ],
    ids=["gateway", "own API", "by its name", "prefix of the gateway", "prefix", "own server", "on this machine"],
)  # fmt: skip
def test_a_model_finds_its_provider(model: str, providers: dict[str, Any], entry: str, id_: str) -> None:
    found = Turned(of({"model": model}, providers))
    assert found.entries[entry]["models"] == {"main": id_}
    assert found.entries["agent"]["model"] == "main"
    assert found.told() == []


def test_presets_fallbacks_and_parameters_of_models() -> None:
    found = Turned(
        of(
            {"model": "gpt-5", "provider": "openai", "maxTokens": 4000, "contextWindowTokens": 65536,
             "temperature": 0.1, "reasoningEffort": "low",
             "fallbackModels": ["local", {"model": "deepseek-chat", "provider": "deepseek"}]},
            {"openai": {"apiKey": "key-of-openai", "extraBody": {"service_tier": "flex"},
                        "extraHeaders": {"X-Title": "me", "X-Org": "org-secret-1"}},
             "deepseek": {"apiKey": "${DEEPSEEK_KEY}"}, "ollama": {"apiBase": "http://localhost:11434/v1"}},
            modelPresets={"local": {"model": "qwen3:8b", "provider": "ollama", "label": "Mine"}},
        )
    )  # fmt: skip
    assert found.entries["openai_compatible openai"] == {
        "base_url": "https://api.openai.com/v1",
        "api_key": "!secret openai_api_key",
        "headers": {"X-Title": "me", "X-Org": "!secret openai_x_org"},
        "models": {
            "main": {
                "model": "gpt-5",
                "temperature": 0.1,
                "max_tokens": 4000,
                "context_window": 65536,
                "parameters": {"service_tier": "flex", "reasoning_effort": "low"},
                "fallbacks": ["local", "fallback 2"],
            }
        },
    }
    assert found.entries["openai_compatible deepseek"]["api_key"] == "!env_var DEEPSEEK_KEY"
    assert found.keys.new == {"openai_api_key": "key-of-openai", "openai_x_org": "org-secret-1"}
    assert found.told() == []


def test_a_chosen_preset_is_the_model_of_the_agent() -> None:
    presets = {"fast": {"model": "llama", "provider": "groq"}}
    found = Turned(of({"modelPreset": "fast"}, {"groq": {"apiKey": KEY}}, modelPresets=presets))
    assert found.entries["agent"]["model"] == "fast"


@pytest.mark.parametrize(
    ("defaults", "providers", "told"),
    [
        ({}, {}, "no_model"),
        ({"model": "somebody"}, {}, "no_provider"),
        ({"model": "gpt-5-codex", "provider": "openai_codex"}, {"openai_codex": {}}, "needs_login"),
        ({"model": "x", "provider": "mine"}, {"mine": {"apiKey": "k"}}, "no_address"),
    ],
)
def test_a_model_that_cannot_be_asked_is_told(defaults: dict[str, Any], providers: dict[str, Any], told: str) -> None:
    found = Turned(of(defaults, providers))
    assert told in found.told()
    assert not any("models" in entry for entry in found.entries.values())


def test_telegram_knows_its_owners_by_number() -> None:
    telegram = {"enabled": True, "token": TOKEN, "allow_from": ["42", 7, "9|anna", "@bob", "*"], "group_policy": "open",
                "streaming": False, "proxy": "http://me:word@proxy.lan:1", "reactEmoji": "x"}  # fmt: skip
    pairing = {"approved": {"telegram": ["42", "55"], "discord": ["1"]}, "pending": {}}
    found = Turned({"channels": {"sendProgress": True, "telegram": telegram}}, pairing)
    assert found.entries["telegram"] == {
        "token": "!secret telegram_token",
        "allow": [42, 7, 9],
        "groups": "all",
        "streaming": False,
        "proxy": "!secret telegram_proxy",
    }
    assert found.settings.owners == {"42", "7", "9"}
    assert found.told() == ["no_model", "no_number", "everybody", "paired"]
    assert "55" in list(found.notes)[-1].sentence("en")


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        ({"discord": {"enabled": True, "token": "x"}}, "no_channel"),
        ({"discord": {"enabled": False, "token": "x"}}, "channel_off"),
        ({"discord": {"enabled": False, "token": ""}}, None),
        ({"websocket": {"enabled": True}}, "page"),
        ({"telegram": {"enabled": True, "token": "not a token"}}, "no_bot_token"),
        ({"telegram": {"enabled": True, "token": "${A}${B}"}}, "variable_within"),
        ({"telegram": "yes"}, None),
        ("telegram", "wrong_type"),
    ],
)
def test_channels_that_are_not_here_are_told(channels: Any, told: str | None) -> None:
    found = Turned({"channels": channels})
    assert [key for key in found.told() if key != "no_model"] == ([told] if told else [])
    assert "telegram" not in found.entries


def test_where_nobody_is_an_owner_it_is_said_how_to_become_one() -> None:
    found = Turned({"channels": {"telegram": {"enabled": True, "token": TOKEN, "allowFrom": []}}})
    assert found.entries["telegram"]["allow"] == []
    assert found.told() == ["no_model", "nobody"]


def test_a_channel_that_is_here_with_other_options_is_set_up_by_hand() -> None:
    found = Turned({"channels": {"discord": {"enabled": True, "token": "x"}}}, here="discord")
    assert found.told() == ["no_model", "by_hand"]


def test_tools_and_their_keys() -> None:
    found = Turned(
        {
            "tools": {
                "exec": {
                    "timeout": 90,
                    "denyPatterns": ["rm -rf", "("],
                    "allowedEnvKeys": ["HOME"],
                    "sandbox": "bwrap",
                },
                "web": {"search": {"apiKey": "BSA-1", "maxResults": 8}, "userAgent": "me"},
                "restrictToWorkspace": False,
                "mcpServers": {
                    "Home Assistant": {
                        "command": "npx",
                        "args": ["-y", "server", "--api-key", "first-key", "--token=second-key", "http://u:p@h/"],
                        "env": {"LEVEL": "info", "TOKEN": "third-key", "FROM": "${MINE}"},
                        "cwd": "/not/there",
                        "toolTimeout": 30,
                        "enabledTools": ["mcp_Home Assistant_turn_on"],
                    },
                    "far": {
                        "type": "streamableHttp",
                        "url": "https://x.example/mcp",
                        "headers": {"Authorization": "b"},
                    },
                    "sse": {"type": "sse", "url": "https://x.example/sse"},
                    "oauth": {"url": "https://x.example/mcp", "auth": "oauth"},
                    "empty": {},
                },
            }
        }
    )
    assert found.entries["shell"] == {"timeout": 90, "deny": ["rm -rf"]}
    assert found.entries["web"] == {
        "search": {"engine": "brave", "key": "!secret brave_api_key", "results": 8},
        "user_agent": "me",
    }
    assert found.entries["mcp"] == {
        "home_assistant": {
            "command": "npx",
            "args": ["-y", "server", "--api-key", "!secret mcp_home_assistant_argument",
                     "!secret mcp_home_assistant_argument_2", "!secret mcp_home_assistant_argument_3"],
            "env": {"LEVEL": "info", "TOKEN": "!secret mcp_home_assistant_token", "FROM": "!env_var MINE"},
            "tools": ["turn_on"],
            "timeout": 30,
        },
        "far": {"url": "https://x.example/mcp", "headers": {"Authorization": "!secret mcp_far_authorization"}},
    }  # fmt: skip
    assert found.told() == [
        "no_model", "wrong_type", "shell_variables", "mcp_folder", "mcp_sse", "mcp_login", "mcp_neither", "restricted",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("search", "entry", "told"),
    [
        ({}, {}, []),
        ({"provider": "searxng", "baseUrl": "http://s"}, {"search": {"engine": "searxng", "url": "http://s"}}, []),
        ({"provider": "tavily", "apiKey": ""}, {}, ["no_search_key"]),
        ({"provider": "kagi", "apiKey": "k"}, {}, ["no_engine"]),
    ],
)  # fmt: skip
def test_search_engines(search: dict[str, Any], entry: dict[str, Any], told: list[str]) -> None:
    found = Turned({"tools": {"web": {"search": search}}})
    assert found.entries["web"] == entry
    assert found.told() == ["no_model", *told]


def test_a_secret_that_is_there_keeps_its_name_and_another_one_gets_its_own() -> None:
    config = of({"model": "x"}, {"openrouter": {"apiKey": KEY}})
    assert Turned(config, secrets={"openrouter_api_key": KEY}).keys.new == {}
    assert Turned(config, secrets={"openrouter_api_key": "other"}).keys.new == {"openrouter_api_key_2": KEY}


def test_what_nobody_understands_is_told_by_name() -> None:
    found = Turned({"agents": {"defaults": {"fancyNewThing": 3, "unifiedSession": True}}, "holograms": {"on": True}})
    told = [note.sentence("en") for note in found.notes]
    assert any("fancyNewThing" in one for one in told)
    assert any("holograms" in one for one in told)
    assert "unified" in found.told()


@pytest.mark.parametrize("config", [[], "text", 5, {"agents": []}, {"providers": {"a": [1]}}, {"tools": {"exec": 1}}])
def test_a_file_of_another_shape_breaks_nothing(config: Any) -> None:
    assert isinstance(Turned(config).entries, dict)
