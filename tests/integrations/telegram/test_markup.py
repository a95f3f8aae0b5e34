"""Markdown becomes the HTML that Telegram takes: what it looks like, and that Telegram never refuses it."""

from __future__ import annotations

import importlib
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tests.servers
from integrations.telegram.markup import to_html
from nanobot.util.split import utf16_units

SERVERS = str(Path(next(iter(tests.servers.__path__))))
MARKS = [
    *"ab 12\n\n  *_~`#>-+.!()[]<>|\\&:=\"'/",
    *("**", "~~", "```", "```py\n", "\n- ", "\n  - ", "\n1. ", "\n> ", "\n# ", "\n---\n", "| a | b |\n|--|-:|\n| c |"),
    *("[x](http://a.b)", "[](a)", "![y](z)", "[z](tg://user?id=1)", "<http://c.d>", "&amp;", "&#0;", "&#xD800;"),
    *("é", "😀", "监视", "：", "\r\n", "\t", "\x00", "\u200b", "<b>", "</b>", "<script>"),
]
MARKDOWN = st.lists(st.sampled_from(MARKS), max_size=60).map("".join)


@pytest.fixture(scope="module")
def telegram() -> Callable[[str], tuple[str, list[dict[str, Any]]]]:
    """What the simulated Telegram makes of HTML: the visible text and its entities, or an error."""
    sys.path.append(SERVERS)
    try:
        render = importlib.import_module("telegram_server").render
    finally:
        sys.path.remove(SERVERS)
    return lambda html: render(html, "HTML", 1_000_000, "")


def html(markdown: str) -> str:
    page = to_html(markdown)
    assert page is not None
    return page.text


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("plain text", "plain text"),
        ('a < b & c > d "quoted"', 'a &lt; b &amp; c &gt; d "quoted"'),
        ("**bold** and __bold__", "<b>bold</b> and <b>bold</b>"),
        ("*italic* and _italic_", "<i>italic</i> and <i>italic</i>"),
        ("~~gone~~", "<s>gone</s>"),
        ("***both***", "<i><b>both</b></i>"),
        ("**bold *and italic* text**", "<b>bold <i>and italic</i> text</b>"),
        ("snake_case_name 2*3*4 **open", "snake_case_name 2<i>3</i>4 **open"),
        ("`a < b`", "<code>a &lt; b</code>"),
        ("**see `code` here**", "<b>see </b><code>code</code><b> here</b>"),
        (
            "```python\nif a < b:\n    pass\n```",
            '<pre><code class="language-python">if a &lt; b:\n    pass</code></pre>',
        ),
        ("```\nplain\n```", "<pre>plain</pre>"),
        ('```x"y>z\ncode\n```', '<pre><code class="language-x&quot;y&gt;z">code</code></pre>'),
        ("```js\nnever closed", '<pre><code class="language-js">never closed</code></pre>'),
        ("[text](https://a.example/?b=1&c=2)", '<a href="https://a.example/?b=1&amp;c=2">text</a>'),
        ('[a](http://b.example/"onclick="x)', '<a href="http://b.example/%22onclick=%22x">a</a>'),
        ("[you](tg://user?id=5)", '<a href="tg://user?id=5">you</a>'),
        ("<https://a.example>", '<a href="https://a.example">https://a.example</a>'),
        ("[**bold** `code`](http://a.example)", '<a href="http://a.example"><b>bold</b> code</a>'),
        ("[](http://a.example)", '<a href="http://a.example">http://a.example</a>'),
        ("[](a%20b)", "a b"),
        ("[guide](docs/guide.md)", "guide (docs/guide.md)"),
        ("[hub](http://hub:8123/x)", "hub (http://hub:8123/x)"),
        ("[write](mailto:a@b.example)", "write (a@b.example)"),
        ("<a@b.example>", "a@b.example"),
        ("[x](javascript:alert)", "[x](javascript:alert)"),
        ("![a cat](https://a.example/cat.png)", '<a href="https://a.example/cat.png">a cat</a>'),
        ("![](https://a.example/cat.png)", '<a href="https://a.example/cat.png">https://a.example/cat.png</a>'),
        ("![a cat](cat.png)", "a cat (cat.png)"),
        ("# Title\ntext", "<b>Title</b>\ntext"),
        ("## **Bold** `x`\n\ntext", "<b>Bold </b><code>x</code>\n\ntext"),
        ("- one\n- two\n  - inner\n    - deep\n- three", "• one\n• two\n  ◦ inner\n    ▪ deep\n• three"),
        ("3. three\n4. four\n   more", "3. three\n4. four\n  more"),
        ("1) a\n1) b", "1) a\n2) b"),
        ("- [ ] open\n- [x] done", "☐ open\n☑ done"),
        ("- a\n\n- b", "• a\n\n• b"),
        ("- ```sh\n  ls\n  ```\n  after", '• <pre><code class="language-sh">ls</code></pre>\n  after'),
        ("-\n- x", "•\n• x"),
        ("> quoted\n> > inner\n\nafter", "<blockquote>quoted\ninner</blockquote>\n\nafter"),
        ("> ```\n> code\n> ```", "<blockquote><pre>code</pre></blockquote>"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("a title?\n---", "a title?\n———"),
        ("| a | b |\n|---|--:|\n| **1** | 22 |\n| 监视 | é |", "<pre>a    │  b\n─────┼───\n1    │ 22\n监视 │  é</pre>"),
        ("line one\nline two", "line one\nline two"),
        ("[1]: https://a.example", "[1]: https://a.example"),
        ("<b>not ours</b> <script>", "&lt;b&gt;not ours&lt;/b&gt; &lt;script&gt;"),
        ("&lt;b&gt; &copy; \\*literal\\*", "&lt;b&gt; © *literal*"),
        ("**重要：**文本", "<b>重要：</b>文本"),
        ("他说**“你好”**。", "他说<b>“你好”</b>。"),
        ("**это:** так", "<b>это:</b> так"),
        ("a\r\nb", "a\nb"),
    ],
)
def test_markdown_looks_like_this_in_telegram(
    markdown: str, expected: str, telegram: Callable[[str], tuple[str, list[dict[str, Any]]]]
) -> None:
    assert html(markdown) == expected
    telegram(expected)


@pytest.mark.parametrize("markdown", ["", "#", "-\n#", "\u200b\n#", "> \n"])
def test_nothing_is_made_of_what_would_not_be_seen(markdown: str) -> None:
    page = to_html(markdown)
    assert page is None or page.text.strip()


def test_what_is_nested_beyond_all_sense_is_left_as_it_is() -> None:
    assert to_html("> " * 70 + "text") is None
    assert to_html("- " * 70 + "text") is None


@given(MARKDOWN)
@example("`" * 50 + "*" * 50)
@example("- # `a`\n> - **b\n> > c** `d`")
@settings(max_examples=1000, deadline=None)
def test_telegram_takes_whatever_comes_out(
    telegram: Callable[[str], tuple[str, list[dict[str, Any]]]], markdown: str
) -> None:
    for aligned in (True, False):
        page = to_html(markdown, aligned=aligned)
        if page is None:
            continue
        visible, _ = telegram(page.text)
        assert utf16_units(visible) == page.units
        for inside in re.findall("<code[^>]*>(.*?)</code>", page.text, re.DOTALL):
            assert "<" not in inside
        for inside in re.findall("<blockquote>(.*?)</blockquote>", page.text, re.DOTALL):
            assert "<blockquote>" not in inside


@given(
    st.lists(
        st.sampled_from([*"ab12 \n*_#>-+.!()[]~", "**", "\n- ", "\n1. ", "[b](a)", "[](a)", "`"]), max_size=60
    ).map("".join)
)
@settings(max_examples=300, deadline=None)
def test_no_letter_is_lost(markdown: str) -> None:
    if "```" in markdown or "~~~" in markdown:  # what follows the language of a code block is left out
        return
    page = to_html(markdown)
    seen = markdown if page is None else re.sub(r"<[^>]*>", "", page.text)
    assert sorted(re.findall("[ab]", seen)) == sorted(re.findall("[ab]", markdown))


@pytest.mark.parametrize("unit", ["[", "![[", "*a ", "*_", "`", "[a](", "<", "- ", "> ", "|a", "**a*b", "&", "("])
def test_a_malicious_text_takes_no_time(unit: str) -> None:
    started = time.thread_time()
    to_html(unit * (4096 // len(unit)))
    assert time.thread_time() - started < 3  # the worst takes 0.1 s on an idle machine
