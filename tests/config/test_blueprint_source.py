"""Where blueprints are fetched from: each kind of address, and the addresses that are not asked."""

from __future__ import annotations

import html
import json

import pytest

from nanobot.config.blueprint_source import check_address, fetch
from nanobot.config.blueprints import BlueprintError

TEXT = "blueprint:\n  name: T\n  domain: automation\ntriggers: []\nactions: [{event: 'a & b'}]\n"


class Web:
    """Pages by address, instead of the internet."""

    def __init__(self, **pages: object) -> None:
        self.pages = {address: page if isinstance(page, str) else json.dumps(page) for address, page in pages.items()}

    async def get(self, url: str) -> bytes:
        return self.pages[url].encode()


def topic(code: str, kind: str = ' class="lang-yaml"') -> dict[str, object]:
    page = f"<p>Hello</p><pre><code{kind}>{html.escape(code)}</code></pre><code>x</code>"
    return {"slug": "my-lights", "post_stream": {"posts": [{"username": "Ada", "cooked": page}]}}


GIST = {"files": {"README.md": {"content": "blueprint:"}, "My Lights.yaml": {"content": TEXT, "truncated": False}}}
LONG = {"files": {"l.yaml": {"content": "#", "truncated": True, "raw_url": "https://gist.example/raw"}}}

PLACES = [
    ("https://github.com/ada/ha/blob/main/a/My%20Lights.yaml",
     {"https://raw.githubusercontent.com/ada/ha/main/a/My%20Lights.yaml": TEXT}, "ada/my_20lights"),
    ("https://raw.githubusercontent.com/ada/ha/main/lights.yaml",
     {"https://raw.githubusercontent.com/ada/ha/main/lights.yaml": TEXT}, "ada/lights"),
    ("https://gist.github.com/ada/0123abcdef", {"https://api.github.com/gists/0123abcdef": GIST}, "ada/my_lights"),
    ("https://gist.github.com/ada/0123abcdef",
     {"https://api.github.com/gists/0123abcdef": LONG, "https://gist.example/raw": TEXT}, "ada/l"),
    ("https://community.home-assistant.io/t/my-lights/1234",
     {"https://community.home-assistant.io/t/1234.json": topic(TEXT)}, "ada/my_lights"),
    ("https://community.home-assistant.io/t/my-lights/1234/56?u=bob",
     {"https://community.home-assistant.io/t/1234.json": topic(TEXT, "")}, "ada/my_lights"),
    ("https://forum.example/t/1234", {"https://forum.example/t/1234.json": topic(TEXT)}, "ada/my_lights"),
    ("https://www.example.com/x/lights.yaml", {"https://www.example.com/x/lights.yaml": TEXT}, "example_com/lights"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "pages", "name"), PLACES)
async def test_the_text_is_found(url: str, pages: dict[str, object], name: str) -> None:
    found = await fetch(url, get=Web(**pages).get)
    assert found.text == TEXT
    assert found.source_url == url
    assert found.name == name


@pytest.mark.parametrize(
    ("url", "page", "told"),
    [
        ("https://forum.example/t/9", {"x": 1}, "https://forum.example/t/9 is not a topic of a forum"),
        ("https://forum.example/t/9", topic("a: 1"),
         "there is no blueprint in the first post of https://forum.example/t/9"),
        ("https://forum.example/t/9", "<html>", "what https://forum.example/t/9 answers cannot be understood"),
        ("https://gist.github.com/ada/9", {"files": {"x.yaml": {"content": "a: 1"}}},
         "no file of the gist https://gist.github.com/ada/9 is a blueprint"),
    ],
)  # fmt: skip
async def test_a_place_without_a_blueprint_says_so(url: str, page: object, told: str) -> None:
    addresses = ("https://forum.example/t/9.json", "https://api.github.com/gists/9")
    with pytest.raises(BlueprintError) as raised:
        await fetch(url, get=Web(**dict.fromkeys(addresses, page)).get)
    assert str(raised.value) == told


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x.yaml",
        "ftp://example.com/x.yaml",
        "file:///etc/passwd",
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "https://192.168.1.1/x",
        "https://169.254.169.254/latest",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[fe80::1]/x",
        "https://[fd00::1]/x",
        "https://0.0.0.0/x",
        "https://100.64.0.1/x",
        "https://224.0.0.1/x",
        "https://user:password@example.com/x",
        "https://",
        "https://example.com:port/x",
    ],
)
def test_an_address_that_is_not_public_is_not_asked(url: str) -> None:
    with pytest.raises(BlueprintError):
        check_address(url, allow_local=False)


async def test_a_name_that_leads_into_the_own_network_is_not_asked() -> None:
    with pytest.raises(BlueprintError, match="localhost is not a public address"):
        await fetch("https://localhost/x.yaml")
