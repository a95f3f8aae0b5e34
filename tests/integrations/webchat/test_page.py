"""The page in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from nanobot.contracts.agent import Retract, ToolUse
from nanobot.hub.hub import Hub
from nanobot.storage.credentials import Role, passwords, totp
from nanobot.testing.plugin import House

from .conftest import Speaker
from .tab import Page

pytestmark = pytest.mark.browser
expect: Any = pytest.importorskip("playwright.async_api").expect
expect.set_options(timeout=20_000)  # a browser without graphics is slow on a busy machine

PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


@pytest.fixture
async def page(browser: Any, link: Callable[[], str]) -> Any:
    """A tab that has signed in."""
    context = await browser.new_context(locale="en-US")
    page = await Page(await context.new_page()).open(link())
    yield page
    assert page.faults == []


async def test_a_link_leads_to_the_page_and_leaves_no_trace(browser: Any, site: str, link: Callable[[], str]) -> None:
    opened = link()
    page = await Page(await browser.new_page()).open(opened)
    assert page.page.url == f"{site}/"
    await expect(page.page.get_by_role("heading", name="Hello!")).to_be_visible()
    await expect(page.field).to_be_focused()
    await page.page.go_back()
    seen = await page.page.evaluate("() => document.referrer + location.href")
    assert opened.partition("#")[2] not in seen


async def test_a_used_link_leads_to_the_sign_in_which_takes_a_token(
    browser: Any, link: Callable[[], str], hub: Hub, site: str
) -> None:
    used = link()
    first = await Page(await browser.new_page()).open(used)
    assert first.page.url == f"{site}/"
    other = await (await browser.new_context(locale="de-DE")).new_page()
    await other.goto(used)
    await expect(other.get_by_text("Dieser Link wurde schon benutzt")).to_be_visible()
    await expect(other.get_by_text("nanobot token link")).to_be_visible()
    await other.get_by_label("Oder ein Token eingeben").fill("wrong")
    await other.get_by_role("button", name="Anmelden").click()
    await expect(other.get_by_text("Dieses Token ist hier nicht bekannt")).to_be_visible()
    await other.get_by_label("Oder ein Token eingeben").fill(hub.credentials.create("phone"))
    await other.get_by_role("button", name="Anmelden").click()
    await expect(other.get_by_role("textbox", name="Nachricht schreiben")).to_be_visible()


async def test_an_answer_is_seen_while_it_is_written(page: Page, speaker: Speaker) -> None:
    speaker.hesitates = True
    await page.types("tell me")
    await expect(page.mine).to_have_count(1)
    await expect(page.page.locator(".dots")).to_be_visible()
    speaker.say("one **two")
    await expect(page.stream).to_have_text("one **two")
    speaker.say("** three")
    await expect(page.stream.locator("strong")).to_have_text("two")
    speaker.say(None)
    await expect(page.theirs).to_have_count(1)
    await expect(page.theirs.locator(".text")).to_have_text("one two three")
    await expect(page.page.locator(".message.streaming")).to_be_hidden()


async def test_a_remark_that_is_no_part_of_the_answer_disappears(page: Page, speaker: Speaker) -> None:
    speaker.hesitates = True
    await page.types("what time is it?")
    speaker.say("Let me see.")
    await expect(page.stream).to_have_text("Let me see.")
    speaker.say(Retract(), ToolUse("1", "clock", "{}"))
    await expect(page.stream).to_have_count(0)
    await expect(page.page.locator(".busy")).to_contain_text("clock")
    speaker.say("Noon.", None)
    await expect(page.theirs.locator(".text")).to_have_text("Noon.")


async def test_a_page_that_comes_late_sees_what_is_being_written(page: Page, speaker: Speaker, site: str) -> None:
    speaker.hesitates = True
    await page.types("tell me")
    speaker.say("so far")
    await expect(page.stream).to_have_text("so far")
    other = await Page(await page.page.context.new_page()).open(site)
    await expect(other.stream).to_have_text("so far")
    speaker.say(" and on", None)
    await expect(other.theirs.locator(".text")).to_have_text("so far and on")
    await expect(other.mine).to_have_count(1)


async def test_stop_ends_the_answer(page: Page, speaker: Speaker) -> None:
    speaker.hesitates = True
    await page.types("tell me")
    speaker.say("I go on")
    await expect(page.stream).to_have_text("I go on")
    await page.page.get_by_role("button", name="Stop the answer").click()
    await expect(page.page.locator(".message.streaming")).to_be_hidden()
    await expect(page.page.get_by_role("button", name="Stop the answer")).to_be_hidden()
    speaker.hesitates = False
    await page.types("still there?")
    await expect(page.theirs.last).to_contain_text("you said still there?")


async def test_a_command_stands_before_its_answer(page: Page) -> None:
    await page.types("/help")
    await expect(page.page.locator(".message[data-id]").nth(1)).to_contain_text("/stop")
    await expect(page.page.locator(".message[data-id]").first).to_contain_text("/help")


async def test_a_chat_with_a_long_title_takes_no_more_room_than_others(page: Page) -> None:
    await page.types("a title that is longer than the panel at the side of the page is wide")
    chats = page.page.locator(".chats")
    await expect(chats.locator("li")).to_have_count(1)
    assert await chats.evaluate("list => list.scrollWidth - list.clientWidth") == 0


async def test_two_tabs_show_the_same_chat_and_a_new_chat_is_another_one(page: Page, site: str) -> None:
    await page.types("one")
    await expect(page.theirs).to_have_count(1)
    other = await Page(await page.page.context.new_page()).open(site)
    await expect(other.theirs).to_have_count(1)
    await other.types("two")
    await expect(page.mine).to_have_count(2)
    await expect(page.theirs.last).to_contain_text("you said two")
    await other.page.get_by_role("button", name="New chat").first.click()
    await expect(other.theirs).to_have_count(0)
    await other.types("three")
    await expect(other.theirs).to_have_count(1)
    await expect(page.theirs).to_have_count(2)
    await other.page.locator(".chats li button", has_text="one").click()
    await expect(other.theirs).to_have_count(2)


async def test_an_answer_is_text_whatever_it_says(page: Page, speaker: Speaker) -> None:
    hostile = (
        "<img src=x onerror=alert(1)> <script>alert(1)</script>\n\n[click](javascript:alert(1)) "
        "![pixel](https://evil.example/x.png) [fine](https://example.org)\n\n- a\n- b\n\n```\n</code><b>x\n```"
    )
    speaker.answer = lambda text: hostile
    await page.types("<b>me</b>")
    answer = page.theirs.locator(".text")
    await expect(answer).to_contain_text("<img src=x onerror=alert(1)> <script>alert(1)</script>")
    await expect(answer).to_contain_text("[click](javascript:alert(1))")
    assert await answer.locator("img, script, b, iframe").count() == 0
    links = [await one.get_attribute("href") for one in await answer.locator("a").all()]
    assert links == ["https://evil.example/x.png", "https://example.org/"]
    assert await answer.locator("a").first.get_attribute("rel") == "noopener noreferrer nofollow"
    await expect(answer.locator("li")).to_have_count(2)
    await expect(answer.locator("pre")).to_have_text("</code><b>x")
    await expect(page.mine.locator(".text")).to_have_text("<b>me</b>")


async def test_an_edit_shows_while_chatting(page: Page, house: House, site: str) -> None:
    await page.types("before")
    await expect(page.theirs).to_have_count(1)
    port = site.rpartition(":")[2]
    base = f"http:\n  port: {port}\nwebchat:\n"
    await house.apply(base + "counter:\n  clicks:\n")
    await expect(page.toasts.last).to_contain_text("Your edit is live")
    await expect(page.toasts.last.locator(".added")).to_have_text("counter")
    await expect(page.page.locator(".entries li.loaded", has_text="counter")).to_be_visible()
    await house.apply(base + "countr:\n")
    await expect(page.toasts.last.locator(".problem")).to_contain_text("did you mean 'counter'?")
    await expect(page.toasts.last.locator(".removed")).to_have_text("counter")
    await expect(page.page.locator(".issues li")).to_contain_text("configuration.yaml:4: countr")
    await house.apply("http: [")
    await expect(page.toasts.last).to_contain_text("Your edit cannot be read; nothing has changed")
    await house.apply(base)
    await expect(page.page.locator(".toast.bad")).to_have_count(0)
    await expect(page.page.locator(".issues li")).to_have_count(0)
    await page.types("after")
    await expect(page.theirs.last).to_contain_text("you said after")


async def test_a_failing_integration_is_shown_with_its_error(page: Page, hub: Hub, house: House) -> None:
    from nanobot.hub.entry import Entry, EntryState

    entry = hub.entries["radio"] = Entry(hub, "radio", "radio", {})
    entry.turn(EntryState.RETRYING, "the radio does not answer")
    line = page.page.locator(".entries li.retrying")
    await expect(line).to_contain_text("radio")
    await expect(line).to_contain_text("the radio does not answer")
    assert await page.page.locator(".entries li").first.text_content() == await line.text_content()
    del hub.entries["radio"]


async def test_recovery_mode_is_said_at_the_top(hub: Hub, page: Page) -> None:
    hub.recovery = "configuration.yaml:3: a colon is missing"
    hub.issues.create("nanobot.recovery", "issues.recovery_last_good", error=hub.recovery)
    await expect(page.page.get_by_role("alert")).to_contain_text("configuration.yaml:3: a colon is missing")
    hub.recovery = None
    hub.issues.resolve("nanobot.recovery")
    await expect(page.page.get_by_role("alert")).to_be_hidden()


async def test_what_is_written_while_the_hub_is_away_is_sent_once_it_is_back(
    page: Page, house: House, speaker: Speaker, site: str
) -> None:
    port = site.rpartition(":")[2]
    await page.types("first")
    await expect(page.theirs).to_have_count(1)
    await house.apply("")
    await expect(page.connection).to_have_text("Connection lost; trying again …")
    await page.types("second")
    await page.types("third")
    await expect(page.mine.last).to_contain_text("Waiting for the connection")
    await house.hub.conversations.send("webchat", await chat_of(page), "a reminder meanwhile")
    await house.apply(f"http:\n  port: {port}\nwebchat:\n")
    await expect(page.theirs).to_have_count(4, timeout=20_000)
    await expect(page.connection).to_have_text("")
    assert speaker.heard == ["first", "second", "third"]
    await expect(page.page.get_by_text("a reminder meanwhile")).to_have_count(1)
    await page.page.reload()
    await expect(page.theirs).to_have_count(4)
    await expect(page.mine).to_have_count(3)


async def chat_of(page: Page) -> str:
    return str(await page.page.evaluate("() => sessionStorage.getItem('nanobot.chat')"))


async def test_a_revoked_session_ends_at_the_sign_in(page: Page, hub: Hub) -> None:
    [session] = hub.credentials.known()
    await asyncio.to_thread(hub.credentials.revoke, session.id)
    await expect(page.page.get_by_text("nanobot token link")).to_be_visible(timeout=5000)


async def test_signing_out_ends_at_the_sign_in(page: Page, hub: Hub) -> None:
    await page.page.get_by_role("button", name="Sign out").click()
    await expect(page.page.get_by_text("nanobot token link")).to_be_visible()
    assert hub.credentials.known() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone(browser: Any, link: Callable[[], str], speaker: Speaker, scheme: str) -> None:
    context = await browser.new_context(**PHONE, color_scheme=scheme, locale="de-CH")
    page = await Page(await context.new_page()).open(link())
    speaker.answer = lambda text: (
        f"`{'wide ' * 60}`\n```\n{'very_wide_' * 30}\n```\n| a | b |\n|--|--|\n| {'x' * 300} | y |"
    )
    await page.field.fill("hallo")
    await page.page.get_by_role("button", name="Senden").tap()
    await expect(page.theirs).to_have_count(1)
    assert await page.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    side = page.page.locator("side-panel")
    await expect(side).to_be_hidden()
    await page.page.get_by_role("button", name="Menü").tap()
    await expect(side).to_be_visible()
    await expect(side).to_contain_text("Integrationen")
    await page.page.keyboard.press("Escape")
    await expect(side).to_be_hidden()
    sizes = await page.page.evaluate(
        "() => [...document.querySelectorAll('main form button, main header button')]"
        ".filter(b => b.checkVisibility()).map(b => Math.min(b.offsetWidth, b.offsetHeight))"
    )
    assert min(sizes) >= 40
    assert page.faults == []


MARKDOWN = {
    "plain": ["plain"],
    "a **b** *c* `d`": ["a ", {"kind": "strong", "children": ["b"]}, " ", {"kind": "em", "children": ["c"]}, " ",
                        {"kind": "code", "text": "d"}],
    "snake_case_name 2*3*4": ["snake_case_name 2*3*4"],
    "[a](javascript:x)": ["[a](javascript:x)"],
    "see https://e.org/a_b.": ["see ", {"kind": "link", "url": "https://e.org/a_b", "children": ["https://e.org/a_b"]},
                               "."],
    r"\*no\*": ["*", "no", "*"],
    "**never closed": ["**never closed"],
}  # fmt: skip


async def test_markdown_is_read_as_people_write_it(page: Page) -> None:
    parsed = await page.page.evaluate(
        "async (texts) => { const { parse } = await import('/webchat/www/data/markdown.js');"
        " return texts.map((text) => parse(text)); }",
        [*MARKDOWN, "- a\n  1. b\n- c", "x\n- y\n\nz", "```py\n# no heading\n", "> q\n\n# h"],
    )
    for text, blocks in zip(MARKDOWN, parsed, strict=False):
        assert blocks == [{"kind": "paragraph", "children": MARKDOWN[text]}], text
    nested, mixed, code, quote = parsed[len(MARKDOWN) :]
    assert [block["kind"] for item in nested[0]["items"] for block in item] == ["paragraph", "list", "paragraph"]
    assert [block["kind"] for block in mixed] == ["paragraph", "list", "paragraph"]
    assert code == [{"kind": "code", "language": "py", "text": "# no heading\n"}]
    assert [block["kind"] for block in quote] == ["quote", "heading"]


async def test_hostile_markdown_takes_no_time(page: Page) -> None:
    texts = ["*a " * 20_000, "[" * 50_000, "`" * 20_001 + "a", "**a" * 10_000, "> " * 3000 + "x", "- " * 3000 + "x",
             "_" * 50_000, "~~" * 20_000, "[a](" * 10_000, "|" * 20_000 + "\n|-|-|", "https://" * 8000]  # fmt: skip
    took = await page.page.evaluate(
        "async (texts) => { const { parse } = await import('/webchat/www/data/markdown.js');"
        " const began = performance.now(); texts.forEach((text) => parse(text)); return performance.now() - began; }",
        texts,
    )
    assert took < 2000


async def test_a_name_a_password_and_a_code_lead_to_the_page(
    browser: Any, site: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "LOG_N", 4)
    secret = totp.new_secret()
    await asyncio.to_thread(hub.credentials.people.add, "anna", "correct horse", Role.OWNER)
    step = int(hub.clock.time() // totp.STEP)
    await asyncio.to_thread(hub.credentials.people.set_totp, "anna", secret, totp.code_at(secret, step - 1))
    page = await (await browser.new_context(locale="fr-FR")).new_page()
    await page.goto(f"{site}/")
    await page.get_by_role("button", name="Plutôt nom et mot de passe").click()
    await page.get_by_label("Nom d'utilisateur").fill("anna")
    await page.get_by_label("Mot de passe").fill("wrong horse")
    await page.get_by_role("button", name="Continuer").click()
    await expect(page.get_by_text("Le nom d'utilisateur ou le mot de passe est faux.")).to_be_visible()
    await page.get_by_label("Nom d'utilisateur").fill("anna")
    await page.get_by_label("Mot de passe").fill("correct horse")
    await page.get_by_role("button", name="Continuer").click()
    code = page.get_by_label("Code de votre application")
    await code.fill(totp.code_at(secret, int(hub.clock.time() // totp.STEP)))
    await page.get_by_role("button", name="Continuer").click()
    await page.wait_for_url(f"{site}/")
    await expect(page.get_by_role("textbox", name="message")).to_be_visible()
