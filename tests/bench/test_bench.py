"""The benchmarks run. How fast things are depends on the machine, so that is not looked at here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).parents[2]
WORKLOADS = REPO.parent / "shared" / "bench"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")]


def run(script: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, str(REPO / "bench" / script), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)["result"]
    return result


def test_a_save_is_followed_to_its_effect() -> None:
    result = run("edit.py", "--edits", "1", "--integrations", "3")
    assert set(result) >= {"save_to_effect_ms", "save_to_problem_ms"}


def test_the_hub_is_looked_at_from_outside() -> None:
    result = run("blackbox.py", "--config", "minimal", "--quick")
    assert result["idle_rss_mib"] > 0
    assert result["start_s"] > 0


def test_a_turn_is_measured_without_the_time_of_its_model() -> None:
    result = run("turns.py", "--quick")
    assert result["own_cost_median_ms"] > 0
    assert 1 < result["50_sessions_with_a_1_s_model_s"] < 30


def test_a_chat_is_measured_from_outside() -> None:
    result = run("chat.py", "--quick")
    assert result["answer_median_ms"] > 0
    assert result["idle_rss_mib"] > 0


def test_an_agent_is_measured_from_outside() -> None:
    result = run("agent.py", "--quick")
    assert result["one_session_cpu_ms"] > 0
    assert result["history_500_told"] > result["history_0_told"]
    assert result["history_2000_told"] == result["history_500_told"]


if (WORKLOADS / "workloads.py").exists():  # they are not part of this repository, so this is no test of it elsewhere

    @pytest.mark.parametrize("name", ["bus", "state", "service", "yaml_load:20"])
    def test_the_workloads_run_in_the_hub(name: str) -> None:
        assert run("core.py", name, "--scale", "0.01")

    def test_the_api_is_asked_from_outside() -> None:
        result = run("api.py", "--scale", "0.02", "--seconds", "0.5")
        assert result["rest_get_state_8conn_per_s"] > 0
        assert result["everything_lost"] == 0


def test_missing_workloads_are_asked_for(tmp_path: Path) -> None:
    command = [sys.executable, str(REPO / "bench" / "run"), "--workloads", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "--workloads DIR or $NANOBOT_BENCH_WORKLOADS" in done.stderr
    assert done.returncode == 1
