// Wires the connection to the components. What belongs to one chat is in `chat`; everything else the hub says.

import { chats, confirm, forget, keep, newId, remember, unsent } from "./data/chats.js";
import { Connection } from "./data/connection.js";
import { merge } from "./data/messages.js";
import { languages, loadTexts, translate } from "./data/texts.js";

const $ = (id) => document.getElementById(id);
const TYPING_LASTS = 6000; // ms without news of a turn, and the indicator goes
const SETTLES_WITHIN = 3000; // ms between the end of a turn and the message that it became
const ASK_AGAIN = 3000; // ms until a message that the hub could not take yet is sent again

await loadTexts();
await Promise.all(["chat-log", "chat-composer", "top-bar", "side-panel", "toast-stack"].map((name) => import(`./components/${name}.js`)));

const [side, shade, top_, log, composer, toasts] = ["side", "shade", "top", "log", "composer", "toasts"].map($);
const scheme = location.protocol === "https:" ? "wss" : "ws";
const connection = new Connection(`${scheme}://${location.host}/webchat/ws?languages=${languages()}`);

let chat = { id: "", messages: [], turn: null };
let turnTimer;

// -- the chat ---------------------------------------------------------------------------------

function openChat(id, { focus = true } = {}) {
  const waiting = unsent().filter((message) => message.chat === id);
  chat = { id, messages: merge([], waiting.map(asShown)), turn: null };
  sessionStorage.setItem("nanobot.chat", id);
  showChat();
  showTurn(null);
  connection.send({ type: "open", chat: id });
  closeSide();
  if (focus && !matchMedia("(pointer: coarse)").matches) composer.focus();
}

const asShown = ({ id, text }) => ({ id, text, from: "you", state: connection.isOpen ? "sending" : "waiting" });

function showChat() {
  log.messages = chat.messages;
  side.chats = { all: chats(), current: chat.id };
}

function update(...messages) {
  chat.messages = merge(chat.messages, messages);
  showChat();
}

function say(text) {
  const message = { chat: chat.id, id: newId(), text };
  keep(message);
  remember(chat.id, text);
  update(asShown(message));
  log.scrollToEnd();
  connection.send({ type: "message", ...message });
}

/** Everything that is not confirmed, again with the same ids: the hub drops what it has already. */
function sendWaiting() {
  for (const message of unsent()) {
    if (message.chat === chat.id) update(asShown(message));
    connection.send({ type: "message", ...message });
  }
}

function showTurn(turn, lasts = TYPING_LASTS * 10) {
  clearTimeout(turnTimer);
  chat.turn = turn;
  log.turn = turn;
  composer.busy = Boolean(turn && !turn.done);
  if (turn) turnTimer = setTimeout(() => showTurn(null), lasts);
}

// -- what the hub says ------------------------------------------------------------------------

const heard = {
  opened({ messages, turn }) {
    chat.messages = merge(chat.messages, messages.map((message) => ({ ...message, state: undefined })));
    for (const { id } of messages) confirm(id);
    showChat();
    if (turn) showTurn({ ...turn, thinking: "" });
    else if (chat.turn) showTurn(null);
    log.scrollToEnd();
  },
  message({ id, from, text, time }) {
    update({ id, from, text, time, state: undefined });
    if (from === "nanobot") {
      remember(chat.id, text);
      if (chat.turn) showTurn(chat.turn.done ? null : { ...chat.turn, text: "" });
      if (document.hidden) document.title = `● ${document.title.replace(/^● /, "")}`;
    }
  },
  kept({ id, time }) {
    confirm(id);
    update({ id, time, state: "kept" });
  },
  wait({ id }) {
    update({ id, state: "waiting" });
    setTimeout(sendWaiting, ASK_AGAIN);
  },
  refused({ id, reason, text }) {
    confirm(id);
    update({ id, state: "refused", reason: text || translate(`refused_${reason}`) });
  },
  typing() {
    if (!chat.turn) showTurn({ text: "", thinking: "" }, TYPING_LASTS);
  },
  turn({ turn, state }) {
    if (state === "started") showTurn({ turn, text: "", thinking: "" });
    else if (chat.turn) showTurn({ ...chat.turn, done: true, tool: "" }, SETTLES_WITHIN);
  },
  progress({ turn, kind, text }) {
    const now = chat.turn?.turn === turn ? chat.turn : { turn, text: "", thinking: "" };
    if (kind === "text") showTurn({ ...now, text: now.text + text, tool: "" });
    else if (kind === "retract") showTurn({ ...now, text: "" }); // it was no part of the answer
    else if (kind === "thinking") showTurn({ ...now, thinking: now.thinking + text });
    else showTurn({ ...now, tool: text });
  },
};

const news = {
  status(status) {
    side.status = status;
    top_.status = status;
  },
  applied({ added, changed, removed, problems }) {
    const lines = [
      ...added.map((text) => ({ mark: "added", text })),
      ...changed.map((text) => ({ mark: "changed", text })),
      ...removed.map((text) => ({ mark: "removed", text })),
      ...problems.map((text) => ({ mark: "problem", text })),
    ];
    const title = translate(problems.length ? "applied_partly" : "applied");
    toasts.show({ title, lines, bad: problems.length > 0, about: "edit" });
  },
  rejected({ problems }) {
    const lines = problems.map((text) => ({ mark: "problem", text }));
    toasts.show({ title: translate("rejected"), lines, bad: true, about: "edit" });
  },
  error({ text }) {
    toasts.show({ title: text, bad: true });
  },
};

connection.addEventListener("message", ({ detail }) => {
  if (news[detail.type]) news[detail.type](detail);
  else if (detail.type === "kept" || detail.type === "refused") {
    confirm(detail.id);
    if (detail.chat === chat.id) heard[detail.type](detail);
  } else if (detail.chat === chat.id) heard[detail.type]?.(detail);
});
connection.addEventListener("open", () => {
  top_.online = true;
  connection.send({ type: "open", chat: chat.id });
  sendWaiting();
});
connection.addEventListener("closed", () => {
  top_.online = false;
  showTurn(null);
  for (const message of unsent()) if (message.chat === chat.id) update(asShown(message));
});
connection.addEventListener("signed-out", () => location.reload());

// -- what the person does ---------------------------------------------------------------------

const narrow = matchMedia("(max-width: 56rem)");

function closeSide() {
  document.body.classList.remove("side-open");
  shade.hidden = true;
  side.inert = narrow.matches;
  top_.menu.setAttribute("aria-expanded", "false");
}

function openSide() {
  document.body.classList.add("side-open");
  shade.hidden = false;
  side.inert = false;
  top_.menu.setAttribute("aria-expanded", "true");
  side.querySelector("button").focus();
}

const newChat = () => openChat(newId());

composer.addEventListener("send", ({ detail }) => say(detail));
composer.addEventListener("stop", () => connection.send({ type: "stop", chat: chat.id }));
log.addEventListener("suggest", ({ detail }) => say(detail));
log.addEventListener("retry", ({ detail }) => {
  const { text } = chat.messages.find((message) => message.id === detail);
  chat.messages = chat.messages.filter((message) => message.id !== detail);
  say(text);
});
top_.addEventListener("menu", openSide);
top_.addEventListener("new-chat", newChat);
side.addEventListener("close", closeSide);
side.addEventListener("new-chat", newChat);
side.addEventListener("open-chat", ({ detail }) => openChat(detail));
side.addEventListener("forget-chat", ({ detail }) => {
  forget(detail);
  if (detail === chat.id) newChat();
  else showChat();
});
side.addEventListener("fix", ({ detail }) => connection.send({ type: "fix", issue: detail }));
side.addEventListener("restart", ({ detail }) => connection.send({ type: "restart", entry: detail }));
side.addEventListener("sign-out", async () => {
  await fetch("/auth/logout", { method: "POST" });
  location.reload();
});
shade.addEventListener("click", closeSide);
narrow.addEventListener("change", closeSide);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("side-open")) {
    closeSide();
    top_.menu.focus();
  }
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.title = document.title.replace(/^● /, "");
});
addEventListener("storage", () => showChat());

// a reload stays where it was; a new tab goes on with the last chat
openChat(sessionStorage.getItem("nanobot.chat") ?? chats()[0]?.id ?? newId());
connection.start();
