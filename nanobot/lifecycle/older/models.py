"""Providers, presets and fallbacks of the older nanobot, as our models."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from nanobot.util.text import one_line, slugify

from .keys import Keys
from .note import Notes
from .section import Section, snake

MAIN = "main"
SERVER, LIBRARY = "openai_compatible", "litellm"
ADDRESSES = {
    "aihubmix": "https://aihubmix.com/v1",
    "dashscope": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "groq": "https://api.groq.com/openai/v1",
    "huggingface": "https://router.huggingface.co/v1",
    "lm_studio": "http://localhost:1234/v1",
    "minimax": "https://api.minimax.io/v1",
    "mistral": "https://api.mistral.ai/v1",
    "moonshot": "https://api.moonshot.ai/v1",
    "nvidia": "https://integrate.api.nvidia.com/v1",
    "ollama": "http://localhost:11434/v1",
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "siliconflow": "https://api.siliconflow.cn/v1",
    "stepfun": "https://api.stepfun.com/v1",
    "volcengine": "https://ark.cn-beijing.volces.com/api/v3",
    "xai": "https://api.x.ai/v1",
    "zhipu": "https://open.bigmodel.cn/api/paas/v4",
}
"""Providers with OpenAI's chat completions API."""
OF_THE_LIBRARY = {
    "anthropic": "anthropic",
    "azure": "azure",
    "azure_openai": "azure",
    "bedrock": "bedrock",
    "gemini": "gemini",
    "vertex_ai": "vertex_ai",
}
"""Providers with an API of their own, and what litellm calls them."""
GATEWAYS = ("openrouter", "aihubmix", "siliconflow", "huggingface")
"""They know the models of others by ``provider/name``."""
LOGINS = ("codex", "copilot", "grok")
HINTS = {
    "claude": "anthropic",
    "deepseek": "deepseek",
    "gemini": "gemini",
    "glm": "zhipu",
    "gpt": "openai",
    "grok": "xai",
    "kimi": "moonshot",
    "minimax": "minimax",
    "mistral": "mistral",
    "qwen": "dashscope",
}
"""Parts of names of models, and who makes them."""
HARMLESS = ("http-referer", "x-title", "user-agent")


@dataclass(slots=True)
class _Provider:
    name: str
    section: Section
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_set(self) -> bool:
        return "api_key" in self.section or "api_base" in self.section


class Models:
    """Gathers models by provider; ``entries`` gives what is to be configured. ``taken``: names that others have."""

    def __init__(self, providers: Section, keys: Keys, notes: Notes, taken: Collection[str]) -> None:
        self._keys = keys
        self._notes = notes
        self._providers = {snake(name): _Provider(snake(name), one) for name, one in providers.sections().items()}
        self._names = set(taken)

    def add(self, name: str, given: Section, fallbacks: list[str] | None = None) -> str | None:
        """A model, under a name that is free; what it is called then, None where nobody can be asked for it."""
        model = given.text("model")
        wanted = given.text("provider")
        if model is None:
            return None
        provider = self._of(model, None if wanted in (None, "auto") else snake(str(wanted)))
        if provider is None:
            self._notes.add("no_provider", model=model)
            return None
        if any(word in provider.name for word in LOGINS) and "api_key" not in provider.section:
            self._notes.add("needs_login", provider=provider.name, model=model)
            return None
        name = self._free(one_line(name, 60) or MAIN)
        provider.models[name] = self._options(model, provider, given, fallbacks or [])
        return name

    def fall_back(self, name: str, fallbacks: list[str]) -> None:
        """Whom to ask when a model does not answer."""
        for provider in self._providers.values():
            if name in provider.models and fallbacks:
                provider.models[name]["fallbacks"] = fallbacks

    def entries(self) -> dict[str, dict[str, Any]]:
        """By key of our configuration."""
        found = {}
        for provider in self._providers.values():
            key = provider.section.text("api_key")
            if provider.models:
                kind = self._kind(provider)
                entry = self._server(provider, kind, key)
                label = slugify(provider.name)
                while f"{kind} {label}" in found:
                    label += "_2"
                if entry is not None:
                    found[f"{kind} {label}"] = entry
        return found

    # -- inside ---------------------------------------------------------------------------------

    def _of(self, model: str, wanted: str | None) -> _Provider | None:
        if wanted is not None:
            return self._known(wanted)
        prefix = snake(model.partition("/")[0]) if "/" in model else ""
        if prefix in self._providers and self._providers[prefix].is_set:
            return self._providers[prefix]
        hint = next((one for part, one in HINTS.items() if part in model.lower()), None)
        if hint is not None and hint in self._providers and self._providers[hint].is_set:
            return self._providers[hint]
        usable = [one for one in self._providers.values() if one.is_set]
        gateway = next((one for one in usable if one.name in GATEWAYS), None)
        return gateway or next(iter(usable), None) or self._known(prefix or hint or "")

    def _known(self, name: str) -> _Provider | None:
        if name not in self._providers and (name in ADDRESSES or name in OF_THE_LIBRARY):
            self._providers[name] = _Provider(name, Section(None, f"providers.{name}", self._notes))
        return self._providers.get(name)

    def _kind(self, provider: _Provider) -> str:
        return LIBRARY if provider.name in OF_THE_LIBRARY else SERVER

    def _free(self, name: str) -> str:
        wanted, number = name, 1
        while wanted in self._names:
            number += 1
            wanted = f"{name} {number}"
        self._names.add(wanted)
        return wanted

    def _options(self, model: str, provider: _Provider, given: Section, fallbacks: list[str]) -> dict[str, Any]:
        prefix, slash, rest = model.partition("/")
        own = slash and snake(prefix) == provider.name
        bare = rest if own else model
        if provider.name in OF_THE_LIBRARY:
            bare = f"{OF_THE_LIBRARY[provider.name]}/{bare}"
        elif not own and provider.name not in GATEWAYS and snake(prefix) in ADDRESSES and slash:
            bare = rest
        options: dict[str, Any] = {"model": bare}
        for name, ours, least, most in (
            ("temperature", "temperature", 0, 2),
            ("max_tokens", "max_tokens", 1, 10_000_000),
            ("context_window_tokens", "context_window", 512, 100_000_000),
        ):
            if (value := given.number(name, least, most)) is not None:
                options[ours] = value
        parameters = _plain(provider.section.take("extra_body"))
        if effort := given.text("reasoning_effort"):
            parameters["reasoning_effort"] = effort
        if provider.name == "bedrock" and (region := provider.section.text("region")):
            parameters["aws_region_name"] = region
        if parameters:
            options["parameters"] = parameters
        if fallbacks:
            options["fallbacks"] = fallbacks
        return options

    def _server(self, provider: _Provider, kind: str, key: str | None) -> dict[str, Any] | None:
        section, entry = provider.section, dict[str, Any]()
        address = section.text("api_base") or (ADDRESSES.get(provider.name) if kind == SERVER else None)
        if kind == SERVER and address is None:
            self._notes.add("no_address", provider=provider.name, models=", ".join(provider.models))
            return None
        if address is not None:
            entry["base_url"] = self._keys.address(f"{provider.name}_url", address)
        if key is not None and (kept := self._keys.keep(f"{provider.name}_api_key", key)) is not None:
            entry["api_key"] = kept
        headers = self._headers(provider.name, section.take("extra_headers"))
        if headers:
            entry["headers"] = headers
        section.ignore("display_name", "api_type", "thinking_style", "profile")
        section.tell_rest()
        entry["models"] = {
            name: options["model"] if len(options) == 1 else options for name, options in provider.models.items()
        }
        return entry

    def _headers(self, provider: str, given: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if not isinstance(value, str):
                continue
            if name.lower() in HARMLESS:
                found[name] = self._keys.text(f"{provider}_{name}", value)
            elif (kept := self._keys.keep(f"{provider}_{name}", value)) is not None:
                found[name] = kept
        return found


def _plain(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
