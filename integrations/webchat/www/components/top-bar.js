// Name, connection, and what the person must know at once. Fires "menu" and "new-chat".

import { translate } from "../data/texts.js";
import { h, iconButton } from "./dom.js";

export class TopBar extends HTMLElement {
  connectedCallback() {
    this.badge = h("span", { class: "badge", hidden: true });
    this.menu = iconButton("menu", translate("menu"), () => this.#tell("menu"), { class: "round menu", "aria-expanded": "false" });
    this.menu.append(this.badge);
    this.heading = h("h1", {}, "nanobot");
    this.connection = h("p", { class: "connection", role: "status" });
    const fresh = iconButton("plus", translate("new_chat"), () => this.#tell("new-chat"));
    this.banner = h("p", { class: "banner", role: "alert", hidden: true });
    this.append(h("header", {}, this.menu, this.heading, this.connection, fresh), this.banner);
  }

  /** {name, recovery, issues} of the hub. */
  set status({ name, recovery, issues }) {
    this.heading.textContent = name || "nanobot";
    document.title = name || "nanobot";
    this.badge.hidden = issues.length === 0;
    this.badge.textContent = issues.length || "";
    this.banner.hidden = !recovery;
    if (recovery) {
      this.banner.replaceChildren(h("strong", {}, translate("recovery")), " ", recovery);
    }
  }

  set online(connected) {
    this.connection.textContent = connected ? "" : translate("disconnected");
  }

  #tell(type) {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true }));
  }
}

customElements.define("top-bar", TopBar);
