"""`nanobot run` with Telegram and a model, looked at from outside: memory, and how long a person waits for an answer.

    python bench/chat.py [--model openai_compatible|litellm] [--config small|default] [--quick]      one JSON line

Telegram is the simulator of the tests, the model their scripted server without any delay of its own. ``small``: the
channel, the model, the agent and its tools; ``default``: all of ``default_config`` as well (page, assist, …).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import process

sys.path[:0] = [str(process.REPO / "tests" / "servers")]

from running import Server, running

MODELS = {
    "openai_compatible": "openai_compatible:\n  base_url: {base_url}\n  models: {{main: stub}}\n",
    "litellm": "litellm:\n  base_url: {base_url}\n  api_key: none\n  models: {{main: openai/stub}}\n",
}
REST = """\
telegram:
  token: {token}
  base_url: {telegram}
  allow: [7]
agent:
  model: main
"""
KINDS = {"small": "files:\nmessage:\nstates:\nservices:\n", "default": "default_config:\n"}


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=list(MODELS), default="openai_compatible")
    parser.add_argument("--config", choices=list(KINDS), default="small")
    parser.add_argument("--python", default=sys.executable, help="the hub's interpreter")
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages, and a short look")
    arguments = parser.parse_args()
    with running("telegram") as telegram, running("model") as model, tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), telegram, model, arguments)
    about = {
        "bench": f"chat:{arguments.model}:{arguments.config}",
        "system": "nanobot",
        "python": platform.python_version(),
        "loadavg": os.getloadavg()[0],
        "result": result,
    }
    print(json.dumps(about))


def measure(folder: Path, telegram: Server, model: Server, arguments: argparse.Namespace) -> dict[str, float]:
    """Milliseconds from the person's message to the answer in the chat, and memory afterwards."""
    text = MODELS[arguments.model].format(**model.info) + KINDS[arguments.config]
    text += REST.format(token=telegram.info["token"], telegram=telegram.info["base_url"])
    (folder / "configuration.yaml").write_text(text, encoding="utf-8")
    port = process.free_port() if arguments.config == "default" else None
    sim = telegram.info["sim"]
    hub = process.Hub(folder, port=port, python=arguments.python)
    try:
        _ask(sim, timeout=60)  # waits until all is there
        times = [_ask(sim) for _ in range(5 if arguments.quick else 50)]
        idle = process.idle(hub.pid, *((1, 3) if arguments.quick else (10, 30)))
    finally:
        hub.stop()
    return {"answer_median_ms": statistics.median(times) * 1000, "answer_worst_ms": max(times) * 1000, **idle}


def _ask(sim: str, timeout: float = 20) -> float:
    began = time.perf_counter()
    sent = _post(f"{sim}/message", {"chat_id": 7, "text": "hello [[reply:pong]]"})
    answers = _post(f"{sim}/wait", {"chat_id": 7, "after": sent["message_id"], "count": 1, "timeout": timeout})
    if not answers:
        raise SystemExit("no answer came")
    return time.perf_counter() - began


def _post(url: str, data: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(data).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=90) as response:
        return json.load(response)


if __name__ == "__main__":
    main()
