// Where the person writes. Fires "send" (detail: text) and "stop".

import { translate } from "../data/texts.js";
import { h, icon } from "./dom.js";

const MOST = 64_000; // characters, as the hub takes them

export class ChatComposer extends HTMLElement {
  #last = "";

  connectedCallback() {
    this.field = h("textarea", {
      rows: "1",
      maxlength: MOST,
      placeholder: translate("placeholder"),
      "aria-label": translate("placeholder"),
      enterkeyhint: "send",
      autocomplete: "off",
    });
    this.sendButton = h("button", { type: "submit", class: "round filled", "aria-label": translate("send"), title: translate("send") }, icon("send"));
    this.stopButton = h(
      "button",
      { type: "button", class: "round", "aria-label": translate("stop"), title: translate("stop"), hidden: true, onclick: () => this.#tell("stop") },
      icon("stop"),
    );
    const form = h("form", {}, this.field, this.stopButton, this.sendButton);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.append(form);
    this.field.addEventListener("input", () => this.#fit());
    this.field.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Whether an answer is being written that can be stopped. */
  set busy(busy) {
    this.stopButton.hidden = !busy;
  }

  focus() {
    this.field.focus();
  }

  #key(event) {
    // while an input method composes (Chinese, Japanese), Enter belongs to it
    if (event.isComposing || event.keyCode === 229) return;
    const { key, shiftKey } = event;
    const touch = matchMedia("(pointer: coarse)").matches;
    if (key === "Enter" && !shiftKey && !touch) {
      event.preventDefault();
      this.#send();
    } else if (key === "ArrowUp" && !this.field.value && this.#last) {
      event.preventDefault();
      this.field.value = this.#last;
      this.#fit();
    } else if (key === "Escape" && !this.stopButton.hidden) this.#tell("stop");
  }

  #send() {
    const text = this.field.value.trim();
    if (!text) return;
    this.#last = text;
    this.field.value = "";
    this.#fit();
    this.#tell("send", text);
    this.field.focus();
  }

  #fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

customElements.define("chat-composer", ChatComposer);
