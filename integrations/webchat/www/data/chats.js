// What this browser keeps: its chats, and the messages that the hub has not confirmed yet.

const CHATS = "nanobot.chats";
const UNSENT = "nanobot.unsent";
const MOST_CHATS = 50;

function read(key, fallback, storage = localStorage) {
  try {
    return JSON.parse(storage.getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
}

function write(key, value, storage = localStorage) {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // full or forbidden: the page works on, it only forgets
  }
}

/** 22 characters that nobody else has. crypto.randomUUID exists only on encrypted pages and on localhost. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The chats of this browser, the last used first: {id, title, time}. */
export const chats = () => read(CHATS, []);

export function remember(id, title) {
  const all = chats();
  const known = all.find((chat) => chat.id === id);
  const chat = { id, title: known?.title || title.trim().split("\n")[0].slice(0, 80), time: Date.now() };
  write(CHATS, [chat, ...all.filter((other) => other.id !== id)].slice(0, MOST_CHATS));
}

export function forget(id) {
  write(CHATS, chats().filter((chat) => chat.id !== id));
  write(UNSENT, read(UNSENT, []).filter((message) => message.chat !== id));
}

/** The messages that are not confirmed, in the order in which they were written. */
export const unsent = () => read(UNSENT, []);

export function keep(message) {
  write(UNSENT, [...unsent().filter((other) => other.id !== message.id), message]);
}

export function confirm(id) {
  write(UNSENT, unsent().filter((message) => message.id !== id));
}
