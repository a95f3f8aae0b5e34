"""Marks in a request up to which the provider keeps what it has read, so that the next one is cheaper and faster.

Anthropic keeps nothing that is not marked, in the order tools, system, messages; four marks at most
(https://docs.claude.com/en/docs/build-with-claude/prompt-caching).
"""

from __future__ import annotations

from typing import Any

KEEP = {"type": "ephemeral"}


def mark(body: dict[str, Any], *, stable: int) -> None:
    """Mark the tools, the system prompt up to ``stable`` characters (0: all of it), and while tools are being called
    the last message: the next request of the turn begins with all of this."""
    if tools := body.get("tools"):
        tools[-1] = {**tools[-1], "cache_control": KEEP}
    messages: list[dict[str, Any]] = body["messages"]
    if messages and messages[0]["role"] == "system":
        text = str(messages[0]["content"])
        head, rest = (text[:stable], text[stable:]) if stable else (text, "")
        parts: list[dict[str, Any]] = [{"type": "text", "text": head, "cache_control": KEEP}] if head.strip() else []
        messages[0]["content"] = [*parts, {"type": "text", "text": rest}] if rest.strip() else parts or text
    if tools and len(messages) > 1:
        messages[-1] = _marked(messages[-1])


def _marked(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    if not content or message["role"] == "assistant":
        return message
    if message["role"] == "tool":
        return {**message, "cache_control": KEEP}
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    return {**message, "content": [*parts[:-1], {**parts[-1], "cache_control": KEEP}]}
