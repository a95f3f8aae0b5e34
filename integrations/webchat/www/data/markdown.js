// A subset of Markdown as a tree of plain objects. No DOM: whoever shows the tree decides how, and never as HTML.
//
// Blocks: {kind: "paragraph" | "heading" | "quote" | "list" | "code" | "table" | "rule", …}
// Inlines: strings, {kind: "strong" | "em" | "del", children}, {kind: "code", text}, {kind: "link", url, children},
// {kind: "break"}

const FENCE = /^ {0,3}(```+|~~~+)\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}>\s?/;
const ITEM = /^(\s*)([-*+•]|\d{1,9}[.)])\s+(.*)$/;
const TABLE_LINE = /^\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?$/;
const LONGEST_TABLE_LINE = 1000;
const DEEPEST = 6;

export function parse(text, depth = 0) {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    let match;
    if (!line.trim()) at += 1;
    else if ((match = FENCE.exec(line))) {
      const [, fence, language] = match;
      const code = [];
      at += 1;
      while (at < lines.length && !(lines[at].trim().startsWith(fence) && !lines[at].trim().replaceAll(fence[0], ""))) {
        code.push(lines[at]);
        at += 1;
      }
      at += 1;
      blocks.push({ kind: "code", language, text: code.join("\n") });
    } else if ((match = HEADING.exec(line))) {
      blocks.push({ kind: "heading", level: match[1].length, children: inline(match[2]) });
      at += 1;
    } else if (RULE.test(line)) {
      blocks.push({ kind: "rule" });
      at += 1;
    } else if (QUOTE.test(line) && depth < DEEPEST) {
      const inner = [];
      while (at < lines.length && QUOTE.test(lines[at])) inner.push(lines[at++].replace(QUOTE, ""));
      blocks.push({ kind: "quote", children: parse(inner.join("\n"), depth + 1) });
    } else if (ITEM.test(line) && depth < DEEPEST) {
      const [list, next] = parseList(lines, at, depth);
      blocks.push(list);
      at = next;
    } else if (line.includes("|") && isTableLine(lines[at + 1])) {
      const [table, next] = parseTable(lines, at);
      blocks.push(table);
      at = next;
    } else {
      const paragraph = [line.trimStart()];
      at += 1;
      while (at < lines.length && lines[at].trim() && !interrupts(lines[at])) paragraph.push(lines[at++].trimStart());
      blocks.push({ kind: "paragraph", children: inline(paragraph.join("\n")) });
    }
  }
  return blocks;
}

// trimmed and short, for the pattern tries many ways through a line of spaces
const isTableLine = (line) => Boolean(line) && line.length <= LONGEST_TABLE_LINE && TABLE_LINE.test(line.trim());

const interrupts = (line) => [FENCE, HEADING, QUOTE, ITEM, RULE].some((pattern) => pattern.test(line));

function parseList(lines, start, depth) {
  const [, , marker] = ITEM.exec(lines[start]);
  const ordered = /\d/.test(marker);
  const base = ITEM.exec(lines[start])[1].length;
  const items = [];
  let at = start;
  while (at < lines.length) {
    const match = ITEM.exec(lines[at]);
    if (match && match[1].length <= base + 1 && /\d/.test(match[2]) === ordered && match[1].length >= base) {
      items.push([match[3]]);
    } else if (items.length && (/^\s{2,}\S/.test(lines[at]) || (match && match[1].length > base))) {
      items.at(-1).push(lines[at].replace(new RegExp(`^\\s{0,${base + marker.length + 1}}`), ""));
    } else if (!lines[at].trim() && continues(lines[at + 1], base, ordered)) {
      items.at(-1).push("");
    } else if (lines[at].trim() && !match && !interrupts(lines[at]) && lines[at - 1]?.trim()) {
      items.at(-1).push(lines[at].trim());
    } else break;
    at += 1;
  }
  const first = ordered ? Number.parseInt(marker, 10) : undefined;
  return [{ kind: "list", ordered, first, items: items.map((item) => parse(item.join("\n"), depth + 1)) }, at];
}

function continues(line, base, ordered) {
  const match = ITEM.exec(line ?? "");
  return match ? match[1].length >= base && /\d/.test(match[2]) === ordered : /^\s{2,}\S/.test(line ?? "");
}

function parseTable(lines, start) {
  const cells = (line) =>
    line.trim().replace(/^\|/, "").replace(/\|$/, "").split(/(?<!\\)\|/).map((cell) => inline(cell.trim().replaceAll("\\|", "|")));
  const aligns = lines[start + 1].trim().replace(/^\||\|$/g, "").split("|").map((cell) => {
    const mark = cell.trim();
    if (!mark.endsWith(":")) return "";
    return mark.startsWith(":") ? "center" : "end";
  });
  const head = cells(lines[start]);
  const rows = [];
  let at = start + 2;
  while (at < lines.length && lines[at].trim() && lines[at].includes("|")) rows.push(cells(lines[at++]));
  return [{ kind: "table", head, rows, aligns }, at];
}

const INLINE = new RegExp(
  [
    "\\\\([!-/:-@[-`{-~])", // 1 escaped
    "(`+)([^`]|[^`][\\s\\S]{0,2000}?[^`])\\2(?!`)", // 2, 3 code; no further, or many that never end take minutes
    "!?\\[([^\\[\\]\\n]*)\\]\\(\\s*<?([^\\s()<>]*(?:\\([^\\s()<>]*\\)[^\\s()<>]*)*)>?(?:\\s+[\"'][^\"'\\n]*[\"'])?\\s*\\)", // 4, 5 link
    "(?:<)?(https?:\\/\\/[^\\s<>\"'`]*[^\\s<>\"'`.,:;!?)\\]*_~])>?", // 6 bare address
    "(\\*\\*|__)(?=\\S)([\\s\\S]{0,2000}?\\S)\\7", // 7, 8 strong
    "~~(?=\\S)([\\s\\S]{0,2000}?\\S)~~", // 9 del
    "(?<![\\w*])\\*(?=[^\\s*])([^*]*?[^\\s*])\\*(?!\\*)", // 10 em
    "(?<!\\w)_(?=[^\\s_])([^_]*?[^\\s_])_(?!\\w)", // 11 em
    "(\\n)", // 12
  ].join("|"),
  "g",
);

export function inline(text, depth = 0) {
  const found = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > last) found.push(text.slice(last, match.index));
    last = match.index + match[0].length;
    const [all, escaped, , code, label, url, bare, , strong, del, em, em2, newline] = match;
    const inner = (part) => (depth < DEEPEST ? inline(part, depth + 1) : [part]);
    if (escaped !== undefined) found.push(escaped);
    else if (code !== undefined) found.push({ kind: "code", text: code.replace(/^ (.*) $/s, "$1") });
    else if (url !== undefined) {
      const safe = safeUrl(url);
      if (safe) found.push({ kind: "link", url: safe, children: label ? inner(label) : [url] });
      else found.push(all);
    } else if (bare !== undefined) found.push({ kind: "link", url: bare, children: [bare] });
    else if (strong !== undefined) found.push({ kind: "strong", children: inner(strong) });
    else if (del !== undefined) found.push({ kind: "del", children: inner(del) });
    else if (em !== undefined || em2 !== undefined) found.push({ kind: "em", children: inner(em ?? em2) });
    else if (newline !== undefined) found.push({ kind: "break" });
  }
  if (last < text.length) found.push(text.slice(last));
  return found;
}

/** The address if a click on it can only open a page or a mail; else "". */
export function safeUrl(url) {
  try {
    const { protocol, href } = new URL(url);
    return ["http:", "https:", "mailto:"].includes(protocol) ? href : "";
  } catch {
    return "";
  }
}
