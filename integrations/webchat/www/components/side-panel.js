// The chats of this browser, what is to be repaired, and the integrations with their state.
// Fires "open-chat", "forget-chat" (detail: id), "new-chat", "fix" (detail: issue), "restart" (detail: entry),
// "sign-out" and "close".

import { ago, clock, translate } from "../data/texts.js";
import { h, icon, iconButton } from "./dom.js";

const WORST_FIRST = ["failed", "retrying", "starting", "stopped", "loaded"];

export class SidePanel extends HTMLElement {
  connectedCallback() {
    this.setAttribute("aria-label", translate("overview"));
    this.setAttribute("role", "complementary");
    const close = iconButton("close", translate("close"), () => this.#tell("close"), { class: "round only-narrow" });
    const brand = h("div", { class: "brand" }, h("img", { src: "/webchat/www/icon.svg", alt: "", width: "32", height: "32" }), h("strong", {}, "nanobot"), close);
    const fresh = h("button", { type: "button", class: "wide-button", onclick: () => this.#tell("new-chat") }, icon("plus"), translate("new_chat"));
    this.chatList = h("ul", { class: "chats" });
    this.issueTitle = h("h2", { id: "issues-title" }, translate("issues"));
    this.issueList = h("ul", { class: "issues", "aria-labelledby": "issues-title" });
    this.entryList = h("ul", { class: "entries", "aria-labelledby": "entries-title" });
    this.version = h("span");
    this.append(
      brand,
      fresh,
      h("div", { class: "sections" },
        h("section", { class: "chat-section" }, h("h2", {}, translate("chats")), this.chatList),
        h("section", { class: "issue-section" }, this.issueTitle, this.issueList),
        h("section", {}, h("h2", { id: "entries-title" }, translate("integrations")), this.entryList)),
      h("footer", {}, this.version, h("button", { type: "button", class: "link", onclick: () => this.#tell("sign-out") }, translate("sign_out"))),
    );
  }

  set chats({ all, current }) {
    this.chatList.replaceChildren(
      ...all.map(({ id, title, time }) =>
        h("li", { class: id === current ? "current" : undefined },
          h("button", { type: "button", "aria-current": id === current ? "true" : undefined, onclick: () => this.#tell("open-chat", id) },
            h("span", { class: "title" }, title), h("small", {}, clock(time))),
          iconButton("trash", translate("forget"), () => this.#tell("forget-chat", id), { class: "round small" })),
      ),
    );
    this.chatList.parentElement.hidden = all.length === 0;
  }

  set status({ version, integrations, issues, may_repair }) {
    this.version.textContent = `nanobot ${version}`;
    this.issueTitle.parentElement.hidden = issues.length === 0;
    this.issueList.replaceChildren(...issues.map((issue) => this.#issue(issue, may_repair)));
    const sorted = integrations.toSorted(
      (a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state) || a.id.localeCompare(b.id),
    );
    this.entryList.replaceChildren(...sorted.map((entry) => this.#entry(entry, may_repair)));
  }

  #issue({ id, severity, text, fix }, mayRepair) {
    const button = fix && mayRepair
      ? h("button", { type: "button", class: "small-button", onclick: () => this.#tell("fix", id) }, fix)
      : undefined;
    return h("li", { class: severity }, h("p", {}, text), button);
  }

  #entry({ id, state, error, since, restarts }, mayRepair) {
    const bad = state === "failed" || state === "retrying";
    const restart = mayRepair && id !== "nanobot"
      ? iconButton("restart", translate("restart", { name: id }), () => this.#tell("restart", id), { class: "round small" })
      : undefined;
    const about = [translate(`state_${state}`)];
    if (bad) about.push(ago(since));
    if (restarts) about.push(translate("restarts", { count: restarts }));
    return h("li", { class: state },
      h("span", { class: "dot", title: translate(`state_${state}`) }),
      h("span", { class: "about" }, h("span", { class: "title" }, id), h("small", {}, about.join(" · ")), error ? h("small", { class: "error" }, error) : undefined),
      restart);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

customElements.define("side-panel", SidePanel);
