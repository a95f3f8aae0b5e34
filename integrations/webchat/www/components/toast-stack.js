// Short news at the edge of the page. Those that need somebody stay until they are closed.

import { translate } from "../data/texts.js";
import { h, iconButton } from "./dom.js";

const LASTS = 8000; // ms
const MOST = 4;

export class ToastStack extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "status");
    this.setAttribute("aria-live", "polite");
  }

  /** {title, lines: [{mark, text}], bad, about}: one that is bad goes with the next news about the same thing. */
  show({ title, lines = [], bad = false, about = "" }) {
    for (const old of [...this.children]) if (about && old.dataset.about === about && old.matches(".bad")) old.remove();
    const toast = h("div", { class: bad ? "toast bad" : "toast", "data-about": about });
    const list = h("ul", {}, ...lines.map(({ mark, text }) => h("li", { class: mark }, text)));
    const close = iconButton("close", translate("close"), () => toast.remove(), { class: "round small" });
    toast.append(h("strong", {}, title), close, ...(lines.length ? [list] : []));
    this.append(toast);
    while (this.children.length > MOST) this.firstElementChild.remove();
    if (!bad) setTimeout(() => toast.remove(), LASTS);
  }
}

customElements.define("toast-stack", ToastStack);
