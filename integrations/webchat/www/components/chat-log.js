// The messages of a chat and the answer in the making. Fires "suggest" (detail: text) and "retry" (detail: id).

import { clock, translate } from "../data/texts.js";
import { h, icon } from "./dom.js";
import { rendered } from "./markdown.js";

const NEAR_THE_END = 80; // px

export class ChatLog extends HTMLElement {
  #shown = new Map(); // id → {element, key}
  #turn = null;
  #frame = 0;

  connectedCallback() {
    this.list = h("div", { class: "list", role: "log", "aria-live": "polite", "aria-label": translate("conversation") });
    this.welcome = this.#makeWelcome();
    this.stream = h("article", { class: "message theirs streaming", "aria-live": "off", hidden: true });
    this.toEnd = h("button", { type: "button", class: "to-end", hidden: true, onclick: () => this.scrollToEnd(true) });
    this.toEnd.append(icon("down"), translate("to_end"));
    this.scroller = h("div", { class: "scroller", tabindex: "-1" }, this.welcome, this.list, this.stream);
    this.append(this.scroller, this.toEnd);
    this.scroller.addEventListener("scroll", () => {
      this.toEnd.hidden = this.isAtEnd();
    }, { passive: true });
    new ResizeObserver(() => this.sticks && this.scrollToEnd()).observe(this.scroller);
  }

  /** [{id, from, text, time, state, reason}] in their order. */
  set messages(messages) {
    const stick = this.isAtEnd();
    const ids = new Set(messages.map(({ id }) => id));
    for (const [id, { element }] of this.#shown) {
      if (ids.has(id)) continue;
      element.remove();
      this.#shown.delete(id);
    }
    let before = null;
    for (const message of messages.toReversed()) {
      const element = this.#element(message);
      if (element.nextSibling !== before || element.parentNode !== this.list) this.list.insertBefore(element, before);
      before = element;
    }
    this.welcome.hidden = messages.length > 0;
    if (stick) this.scrollToEnd();
  }

  /** What is being written: null, or {text, thinking, tool}. */
  set turn(turn) {
    this.#turn = turn;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#showTurn();
    });
  }

  isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return (this.sticks = scrollHeight - scrollTop - clientHeight < NEAR_THE_END);
  }

  scrollToEnd(smoothly = false) {
    const behavior = smoothly && !matchMedia("(prefers-reduced-motion: reduce)").matches ? "smooth" : "instant";
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior });
  }

  #element(message) {
    const key = JSON.stringify([message.text, message.state, message.reason, message.time]);
    const shown = this.#shown.get(message.id);
    if (shown?.key === key) return shown.element;
    const element = shown?.element ?? h("article");
    const mine = message.from === "you";
    element.className = `message ${mine ? "mine" : "theirs"} ${message.state ?? ""}`;
    element.dataset.id = message.id;
    const said = h("span", { class: "unseen" }, translate(mine ? "you_said" : "nanobot_said"));
    const text = h("div", { class: "text" }, ...(mine ? [message.text] : rendered(message.text)));
    element.replaceChildren(said, text, this.#foot(message));
    this.#shown.set(message.id, { element, key });
    return element;
  }

  #foot({ id, time, state, reason }) {
    const foot = h("footer");
    if (state === "sending") foot.append(translate("sending"));
    else if (state === "waiting") foot.append(translate("waiting"));
    else if (state === "refused") {
      const retry = () => this.dispatchEvent(new CustomEvent("retry", { detail: id, bubbles: true }));
      foot.append(reason, " ", h("button", { type: "button", class: "link", onclick: retry }, translate("retry")));
    } else if (time) foot.append(h("time", { datetime: time }, clock(time)));
    return foot;
  }

  #showTurn() {
    const stick = this.isAtEnd();
    const turn = this.#turn;
    this.stream.hidden = !turn;
    if (turn) {
      const busy = h("p", { class: "busy" }, h("span", { class: "dots" }, h("i"), h("i"), h("i")));
      if (turn.tool) busy.append(translate("tool", { tool: turn.tool }));
      else if (!turn.text && turn.thinking) busy.append(turn.thinking.trim().split("\n").at(-1).slice(-120));
      else busy.append(h("span", { class: "unseen" }, translate("writing")));
      const text = h("div", { class: "text" }, ...rendered(turn.text));
      this.stream.replaceChildren(...(turn.text ? [text] : []), busy);
    } else this.stream.replaceChildren();
    if (stick) this.scrollToEnd();
  }

  #makeWelcome() {
    const suggest = (text) => () => this.dispatchEvent(new CustomEvent("suggest", { detail: text, bubbles: true }));
    const chips = ["suggestion_1", "suggestion_2", "suggestion_3"].map((key) =>
      h("button", { type: "button", class: "chip", onclick: suggest(translate(key)) }, translate(key)),
    );
    return h(
      "div",
      { class: "welcome" },
      h("img", { src: "/webchat/www/icon.svg", alt: "", width: "72", height: "72" }),
      h("h2", {}, translate("welcome")),
      h("p", {}, translate("welcome_more")),
      h("div", { class: "chips" }, ...chips),
    );
  }
}

customElements.define("chat-log", ChatLog);
