"""Every integration: set up, reload, unload a hundred times, and nothing is left behind.

The sample is ``tests/integrations/<domain>/sample.yaml``; without one it is the bare key. One that begins with
``# server: NAME`` needs that server of ``tests/servers``, which listens at ``{base_url}``.
"""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from nanobot.hub.entry import EntryState
from nanobot.hub.hub import Hub
from nanobot.lifecycle.loader import Loader
from nanobot.testing.plugin import House
from tests.integrations.api.undescribed import NOT_DESCRIBED, undescribed
from tests.servers.running import running

HERE = Path(__file__).parent
TIMES = 100
LEAST = 30  # of those that take long, so many do
LONG = 20.0  # s


def domains() -> list[str]:
    loader = Loader(Path("nowhere"))
    hidden = [path.name for path in loader.homes[1][0].iterdir() if path.name.startswith("_") and path.is_dir()]
    return sorted({*loader.names(), *(name for name in hidden if name != "__pycache__")})


@pytest.fixture
def sample(domain: str) -> Iterator[str]:
    path = HERE / domain / "sample.yaml"
    text = path.read_text(encoding="utf-8") if path.is_file() else f"{domain}:\n"
    needs = re.match(r"# server: (\w+)\n", text)
    if needs is None:
        yield text
        return
    with running(needs[1]) as server:
        yield text.replace("{base_url}", server.info["base_url"])


def left(hub: Hub) -> dict[str, Any]:
    """Everything that an integration may leave in a hub or in the process."""
    gc.collect()
    registries = (
        hub.channels,
        hub.agents,
        hub.models,
        hub.embedders,
        hub.tools,
        hub.skills,
        hub.prompt_parts,
        hub.policies,
        hub.meters,
        hub.workspaces,
        hub.views,
        hub.commands,
        hub.chat_commands,
        hub.socket_commands,
        hub.panels,
        hub.histories,
        hub.shown,
    )
    process = psutil.Process()
    return {
        "listeners": hub.bus.counts(),
        "trackers": hub.states.tracked(),
        "services": sorted(f"{service.domain}.{service.name}" for service in hub.services),
        "states": sorted(state.entity_id for state in hub.states),
        "entities": len(hub.entities),
        "webhooks": len(list(hub.webhooks)),
        "entries": sorted(hub.entries),
        "issues": sorted(issue.id for issue in hub.issues),
        **{registry.what: registry.names() for registry in registries},
        "watchers": sum(len(registry._watchers) for registry in registries),
        "tasks": sorted(Counter(task.get_name().rstrip("0123456789") for task in asyncio.all_tasks()).items()),
        "files": sorted(file.path for file in process.open_files()),
        "sockets": len(process.net_connections("unix")) + len(process.net_connections("inet")),
        "threads": sorted({t.name for t in threading.enumerate() if not t.name.startswith("asyncio_")}),
    }


@pytest.mark.parametrize("domain", domains())
@pytest.mark.timeout(300)
async def test_nothing_is_left_behind(sample: str, house: House, domain: str) -> None:
    keys = [key for key in yaml.safe_load(sample) if key.split()[0] == domain]
    with_it = f"nanobot:\n  name: Test\n{sample}"
    without = "nanobot:\n  name: Test\n"
    house.hub.port_override = 0

    async def once() -> None:
        applied = await house.apply(with_it)
        assert not applied.problems, "\n".join(map(str, applied.problems))
        for key in keys:
            entry = house.entry(key)
            assert entry.state is EntryState.LOADED, f"{key}: {entry.state} {entry.error}"
        assert undescribed(house.hub.views) <= set(NOT_DESCRIBED)
        await house.edits.wait(house.edits.request(restart=keys))
        await house.apply(without)

    await house.start(without)
    await once()  # what is made once and kept, such as a thread pool or an import, is there afterwards
    await asyncio.sleep(0.05)
    before = left(house.hub)
    began = time.monotonic()
    for done in range(TIMES):
        if done >= LEAST and time.monotonic() - began > LONG:
            break
        await once()
    for _ in range(20):  # on a busy machine a thread may still close its file
        await asyncio.sleep(0.05)
        if left(house.hub) == before:
            break
    assert left(house.hub) == before


@pytest.mark.parametrize("domain", domains())
async def test_the_manifest_and_the_translations_are_complete(domain: str) -> None:
    loader = Loader(Path("nowhere"))
    found = loader.find(domain)
    assert found is not None
    assert found.manifest.name
    folder = found.folder / "translations"
    if not folder.is_dir():
        return
    keys = {path.stem: _keys(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in folder.glob("*.json")}
    assert set(keys) == {"en", "de", "fr", "es", "zh"}
    for language, present in keys.items():
        assert present == keys["en"], f"{language} of {domain} lacks or adds keys"


def _keys(tree: Any, above: str = "") -> set[str]:
    if not isinstance(tree, dict):
        return {above}
    return {key for name, branch in tree.items() for key in _keys(branch, f"{above}.{name}")}
