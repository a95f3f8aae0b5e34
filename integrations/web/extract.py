"""Runs as a program of its own: makes text of what a stranger wrote, where it can hold up and harm nobody else.

``extract.py KIND [ARGUMENT]``: reads from its input and writes JSON: ``{"title": …, "text": …}``, or
``{"results": […]}`` for a search. KIND is ``html``, ``pdf`` or ``search``. It has limits of time and memory, ends
with its parent, and needs trafilatura, pypdf or ddgs.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any

CPU_SECONDS = 20
MEMORY = 1 << 30  # bytes
LONGEST = 2_000_000  # characters of a text
PAGES = 300


def main() -> None:
    kind = sys.argv[1]
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if kind != "search":
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    answer = {"html": _html, "pdf": _pdf, "search": _search}[kind](sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(answer))


def _html(data: bytes) -> dict[str, Any]:
    import trafilatura

    url = sys.argv[2]
    tree = trafilatura.load_html(data)
    if tree is None:
        return {"title": "", "text": ""}
    title = " ".join((tree.findtext(".//title") or "").split())
    text = trafilatura.extract(
        tree, url=url, output_format="markdown", include_links=True, include_tables=True, favor_recall=True
    )
    if not text:
        text = trafilatura.html2txt(data)
    return {"title": title[:300], "text": (text or "")[:LONGEST]}


def _pdf(data: bytes) -> dict[str, Any]:
    import pypdf

    reader = pypdf.PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        return {"error": "The PDF is locked with a password."}
    texts: list[str] = []
    length = 0
    for number, page in enumerate(reader.pages, 1):
        if number > PAGES or length > LONGEST:
            texts.append(f"[… {len(reader.pages) - number + 1} more pages]")
            break
        texts.append(page.extract_text())
        length += len(texts[-1])
    title = str(reader.metadata.title or "") if reader.metadata else ""
    return {"title": title[:300], "text": "\n\n".join(texts)[:LONGEST]}


def _search(data: bytes) -> dict[str, Any]:
    from ddgs import DDGS
    from ddgs.exceptions import DDGSException

    asked = json.loads(data)
    client = DDGS(proxy=asked.get("proxy"), timeout=10, verify=asked.get("verify", True))
    try:
        found = client.text(
            asked["query"], region=asked["region"], max_results=asked["count"], backend=asked["backend"]
        )
    except DDGSException as error:
        return {"error": str(error)}
    return {"results": [[one.get("title", ""), one.get("href", ""), one.get("body", "")] for one in found]}


if __name__ == "__main__":
    main()
