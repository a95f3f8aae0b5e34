// The words of the page, in the language of the browser.

let texts = {};
let language = "en";

const asked = () => encodeURIComponent((navigator.languages ?? [navigator.language]).join(","));

export async function loadTexts() {
  const response = await fetch(`/webchat/texts?languages=${asked()}`);
  if (response.status === 401) location.reload();
  const answer = await response.json();
  ({ texts, language } = answer);
  document.documentElement.lang = language;
}

export const languages = asked;

/** The text under `key`, with {words} filled in. */
export function translate(key, words = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => words[name] ?? all);
}

/** "14:05" for today, with the day for other days. */
export function clock(time, now = new Date()) {
  const date = new Date(time);
  const day = date.toDateString() === now.toDateString() ? {} : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(language, { ...day, hour: "numeric", minute: "2-digit" }).format(date);
}

/** "3 minutes ago" */
export function ago(time, now = Date.now()) {
  const seconds = (new Date(time).getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "narrow" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(Math.trunc(seconds), "second");
}
