"""`nanobot usage` and a budget on a hub that is killed: what was spent before is not forgotten."""

from __future__ import annotations

import json
import time

import pytest

from tests.servers.running import running

from .conftest import Nanobot

HOME = """
openai_compatible:
  base_url: {base_url}
  models:
    main: {{model: stub, prices: {{input: 1000, output: 1000}}}}
agent: {{model: main}}
console:
usage:
budget:
  daily: {{cost: 0.05}}
"""


@pytest.mark.slow
def test_what_was_spent_outlives_a_kill(nanobot: Nanobot) -> None:
    with running("model") as server:
        nanobot.write(HOME.format(**server.info))
        nanobot.start()
        assert nanobot("chat", "-m", "hello").stdout.strip() == "pong"
        time.sleep(2)  # both write within a second
        nanobot.kill()
        nanobot.start()
        told = json.loads(nanobot("usage", "--json", "--by", "channel").stdout)
        assert [(row["name"], row["calls"]) for row in told["rows"]] == [("console", 1)]
        assert told["total"]["cost"] > 0.05
        assert "The budget “daily” ($0.05 a day) is used up." in nanobot("chat", "-m", "more").stdout
        assert "main" in nanobot("usage").stdout
        wrong = nanobot("usage", "--by", "modle")
        assert wrong.returncode == 1
        assert "Did you mean 'model'?" in wrong.stderr
