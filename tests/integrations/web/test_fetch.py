"""Pages, as an agent reads them."""

from __future__ import annotations

import io
import json

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from nanobot.contracts.tool import Risk
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp
from nanobot.testing.tools import Hands
from tests.integrations.web.conftest import Site


@pytest.fixture
async def web(set_up: SetUp, hands: Hands) -> Hands:
    await set_up("web", {"private": ["127.0.0.1"], "max_bytes": "150 kB", "timeout": 2})
    return hands


async def test_a_page_becomes_text_with_its_links_and_without_the_menu(web: Hands, site: Site) -> None:
    told = await web("web_fetch", url=f"{site.url}/article")
    assert told.splitlines()[:2] == ["The oak", f"{site.url}/article"]
    assert "About oaks" in told
    assert f"[All kinds]({site.url}/kinds?all=1)" in told
    assert "30 m" in told
    assert "alert" not in told
    assert "Menu" not in told


async def test_a_long_page_is_read_on_where_it_was_cut_without_asking_again(web: Hands, site: Site) -> None:
    told = await web("web_fetch", url=f"{site.url}/text")
    assert "[characters 0 to 12000 of 25000; go on with offset 12000]" in told
    assert "[characters 12000 to 24000 of 25000" in await web("web_fetch", url=f"{site.url}/text", offset=12000)
    assert "has 25000 characters" in await web.fails("web_fetch", url=f"{site.url}/text", offset=99999)
    assert site.asked == ["/text"]


async def test_json_and_other_charsets_are_read_as_they_are(web: Hands, site: Site) -> None:
    assert json.loads((await web("web_fetch", url=f"{site.url}/json")).split("\n\n")[-1]) == {"height": 30}
    assert "Grüße" in await web("web_fetch", url=f"{site.url}/latin")


async def test_what_is_no_text_is_told(web: Hands, site: Site) -> None:
    assert "is no text, but image/png" in await web.fails("web_fetch", url=f"{site.url}/picture")


async def test_a_picture_is_shown(web: Hands, site: Site) -> None:
    url = f"{site.url}/photos/oak%20tree.png"
    outcome = await web.call("web_fetch", url=url)
    [path] = outcome.files
    assert path.endswith("_oak tree.png")
    assert f"{url} is a picture.\n[file: {path} (image/png, " in outcome.text
    assert outcome.untrusted
    assert await web.fails("web_fetch", url=f"{site.url}/torn.png") == (
        f"{site.url}/torn.png is a picture: it is damaged."
    )


def pdf(text: str) -> bytes:
    writer = PdfWriter()
    page = writer.add_blank_page(300, 300)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    fonts = DictionaryObject({NameObject("/F1"): font})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    content = DecodedStreamObject()
    content.set_data(f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode())
    page[NameObject("/Contents")] = content
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


async def test_a_pdf_becomes_text_and_a_damaged_one_is_told(web: Hands, site: Site) -> None:
    site.pdf = pdf("Oaks are trees")
    assert "Oaks are trees" in await web("web_fetch", url=f"{site.url}/a.pdf")
    site.pdf = b"%PDF-1.4\nbroken"
    assert "damaged" in await web.fails("web_fetch", url=f"{site.url}/b.pdf")


async def test_failures_are_sentences(web: Hands, site: Site) -> None:
    assert "status 404 Not Found" in await web.fails("web_fetch", url=f"{site.url}/nothing")
    assert "did not answer within 2 s" in await web.fails("web_fetch", url=f"{site.url}/slow")
    assert "has more than 150 kB" in await web.fails("web_fetch", url=f"{site.url}/huge")
    assert "cannot be reached" in await web.fails("web_fetch", url="http://127.0.0.1:1/")
    assert "cannot be reached" in await web.fails("web_fetch", url="http://no-such-host.invalid/")


async def test_what_the_model_makes_up_may_carry_something_outside_what_came_up_does_not(
    web: Hands, site: Site, hub: Hub
) -> None:
    tool = hub.tools.get("web_fetch")
    assert tool is not None
    turn = web.of(text=f"Read {site.url}/article, please.").turn

    def risk(url: str) -> Risk:
        return tool.acts({"url": url}, turn)[0][1]

    assert risk(f"{site.url}/article") is Risk.READ
    assert risk(f"{site.url}/kinds?all=1") is Risk.OUTSIDE
    await web("web_fetch", url=f"{site.url}/article")
    assert risk(f"{site.url}/kinds?all=1") is Risk.READ
    assert risk(f"{site.url}/kinds?all=1&secret=x") is Risk.OUTSIDE
