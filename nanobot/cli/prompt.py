"""`nanobot prompt`: what the model would be told now in a session, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from nanobot.cli.client import ask
from nanobot.cli.words import language, say


def run(folder: Path, session: str | None, *, agent: str | None, sizes: bool, as_json: bool) -> int:
    """Raises ``NanobotError`` with the hub's sentence."""
    asked = {"language": language(), "session": session, "agent": agent}
    told = ask(folder, "prompt", {key: value for key, value in asked.items() if value is not None})
    if as_json:
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return 0
    if not sizes:
        _show(told)
    _table(told)
    return 0


def _show(told: Mapping[str, Any]) -> None:
    for part in told["parts"]:
        print(f"{_line(part['name'])}\n{part['text']}\n")
    print(_line(say("prompt.conversation")))
    for message in told["conversation"]["messages"]:
        calls = [f"{call['name']} {call['arguments']}" for call in message.get("tool_calls", ())]
        pictures = [f"[{kind}]" for kind in message.get("pictures", ())]
        print(f"[{message['role']}] " + "\n".join(filter(None, (message["content"], *calls, *pictures))))
    print(f"\n{_line(say('prompt.tools', count=len(told['tools']['functions'])))}")
    for tool in told["tools"]["functions"]:
        print(f"{tool['function']['name']}: {tool['function']['description']}")
    print()


def _line(name: str) -> str:
    return f"── {name} ".ljust(72, "─")


def _table(told: Mapping[str, Any]) -> None:
    rows = [(part["name"], part, _left_out("left_out", part["left_out"])) for part in told["parts"]]
    talk, tools = told["conversation"], told["tools"]
    rows.append((say("prompt.conversation"), talk, _left_out("messages_left_out", talk["left_out"])))
    rows.append((say("prompt.tools", count=len(tools["functions"])), tools, ""))
    rows.append((say("prompt.total"), told, ""))
    heads = [say(f"prompt.{head}") for head in ("part", "characters", "tokens")]
    width = max(len(name) for name in (heads[0], *(row[0] for row in rows)))
    wide = [max(len(head), 10) for head in heads[1:]]
    print(f"{told['agent']} · {told['session']}")
    print(f"{heads[0]:<{width}}  {heads[1]:>{wide[0]}}  {heads[2]:>{wide[1]}}")
    for name, sizes, note in rows:
        line = f"{name:<{width}}  {sizes['characters']:>{wide[0]}}  {sizes['tokens']:>{wide[1]}}  {note}"
        print(line.rstrip())


def _left_out(key: str, count: int) -> str:
    return say(f"prompt.{key}", count=count) if count else ""
