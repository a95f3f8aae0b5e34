"""Fixtures of all tests, and the rule that the gate skips nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from typing import Any

import pytest

pytest_plugins = ["nanobot.testing.plugin"]


def _refuse_skipped(report: Any) -> Any:
    """On a laptop a test may lack its browser; where ``CI`` is set, what did not run has not passed."""
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _refuse_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _refuse_skipped((yield))


LONG = frozenset({"test_every_integration.py"})
"""Files whose tests take some ten seconds each, for those that leave out what is marked as slow."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take minutes begin first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None and item.path.name not in LONG)


BOUND = "NANOBOT_TEST_BOUND"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tests marked ``bound`` need the modes of files to be obeyed: root runs them again, without the right not to."""
    if pyfuncitem.get_closest_marker("bound") is None or os.geteuid() != 0 or BOUND in os.environ:
        return None
    setpriv = shutil.which("setpriv")
    without = "--bounding-set=-dac_override,-dac_read_search"
    if setpriv is None or subprocess.run([setpriv, without, "true"], capture_output=True, check=False).returncode:
        pytest.xfail("root obeys no modes, and cannot be made to on this machine")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [setpriv, without, sys.executable, "-m", "pytest", "-q"]
    done = subprocess.run(
        [*command, "-n0", "-p", "no:cacheprovider", pyfuncitem.nodeid],
        cwd=pyfuncitem.config.rootpath,
        env={**environment, BOUND: "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return True
