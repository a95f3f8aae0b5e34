// Shows the tree of data/markdown.js. Whatever the text says, only the elements named here can come of it.

import { parse } from "../data/markdown.js";
import { translate } from "../data/texts.js";
import { h, iconButton } from "./dom.js";

/** The elements for a Markdown text. */
export function rendered(text) {
  return blocks(parse(text));
}

const blocks = (tree) => tree.map(block);

function block(node) {
  switch (node.kind) {
    case "heading":
      return h(`h${Math.min(node.level + 2, 6)}`, {}, ...inlines(node.children));
    case "quote":
      return h("blockquote", {}, ...blocks(node.children));
    case "rule":
      return h("hr");
    case "code":
      return codeBlock(node);
    case "list":
      return h(
        node.ordered ? "ol" : "ul",
        { start: node.ordered && node.first !== 1 ? node.first : undefined },
        ...node.items.map((item) => h("li", {}, ...(isPlain(item) ? inlines(item[0].children) : blocks(item)))),
      );
    case "table":
      return table(node);
    default:
      return h("p", {}, ...inlines(node.children));
  }
}

const isPlain = (item) => item.length === 1 && item[0].kind === "paragraph";

function inlines(nodes) {
  return nodes.map((node) => {
    if (typeof node === "string") return node;
    switch (node.kind) {
      case "code":
        return h("code", {}, node.text);
      case "break":
        return h("br");
      case "link":
        return h("a", { href: node.url, target: "_blank", rel: "noopener noreferrer nofollow" }, ...inlines(node.children));
      default:
        return h(node.kind, {}, ...inlines(node.children));
    }
  });
}

function codeBlock({ text }) {
  const pre = h("pre", { tabindex: "0" }, h("code", {}, text));
  if (!navigator.clipboard) return pre; // only on encrypted pages and on localhost
  const copy = iconButton("copy", translate("copy"), async () => {
    await navigator.clipboard.writeText(text);
    copy.classList.add("done");
    setTimeout(() => copy.classList.remove("done"), 1200);
  });
  return h("div", { class: "code" }, pre, copy);
}

function table({ head, rows, aligns }) {
  const cell = (tag) => (children, column) => h(tag, { class: aligns[column] || undefined }, ...inlines(children));
  return h(
    "div",
    { class: "wide", tabindex: "0" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ...head.map(cell("th")))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map(cell("td"))))),
    ),
  );
}
