/** Channels and direct messages, with what is unread. */

import { $, h, icon, replace, rove } from "./dom.js";
import { avatar, channelSign, nameOf, roleWords } from "./names.js";
import { toChannel } from "./route.js";

export class Sidebar {
  constructor(store, { onSwitch }) {
    this.store = store;
    this.onSwitch = onSwitch;
    this.root = $("sidebar");
    this.current = { channel: null, home: false };
    this.root.addEventListener("keydown", (event) => rove(event, [...this.root.querySelectorAll("a")]));
    this.root.addEventListener("click", (event) => {
      if (event.target.closest("a")) document.body.classList.remove("with-sidebar");
    });
  }

  render(current = this.current) {
    this.current = current;
    const { store } = this;
    if (!store.hello?.me) return;
    const channels = [...store.channels.values()];
    const rooms = channels.filter((channel) => channel.kind !== "im").map((channel) => this.#entry(channel));
    const apps = channels.filter((channel) => channel.kind === "im").map((channel) => this.#entry(channel));
    const focused = this.root.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const me = store.people.get(store.me);
    replace(
      this.root,
      h("div", { class: "workspace" }, h("strong", {}, store.hello.team), h("span", {}, "local Slack")),
      section("Channels", rooms, "You are in no channel."),
      section("Apps", apps, ""),
      store.hello.mail ? section("Mail", [this.#mail()], "") : null,
      h(
        "button",
        { type: "button", class: "me", title: "Become somebody else in this tab", onclick: this.onSwitch },
        avatar(store, store.me),
        h("span", { class: "who" }, h("strong", {}, nameOf(store, store.me)), h("span", {}, roleWords[me?.role] ?? "", " · ", h("span", { class: "switch" }, "switch"))),
      ),
    );
    const links = [...this.root.querySelectorAll("a")];
    const now = links.find((link) => link.getAttribute("aria-current")) ?? links[0];
    for (const link of links) link.tabIndex = link === now ? 0 : -1;
    if (focused) (links.find((link) => link.getAttribute("href") === focused) ?? now)?.focus();
    const waiting = channels.reduce((sum, channel) => sum + store.unread(channel.id) + store.unreadInThreads(channel.id), 0) + store.unreadMails();
    document.title = `${waiting ? `(${waiting}) ` : ""}${nameOf(store, store.me)}, Casewire sandbox`;
  }

  #mail() {
    const unread = this.store.unreadMails();
    return h(
      "li",
      {},
      h(
        "a",
        {
          href: "#/mail",
          class: unread ? "unread" : null,
          "aria-current": this.current.mail ? "page" : null,
          "aria-label": unread ? `Mailbox, ${unread} unread` : "Mailbox",
        },
        icon("mail"),
        h("span", { class: "name" }, "Mailbox"),
        unread ? h("span", { class: "count" }, String(unread)) : null,
      ),
    );
  }

  #entry(channel) {
    const { store, current } = this;
    const unread = store.unread(channel.id);
    const inThreads = store.unreadInThreads(channel.id);
    const here = channel.id === current.channel;
    const name = channel.kind === "im" ? "Casewire" : channel.name;
    const said = [unread ? `${unread} unread` : null, inThreads ? `${inThreads} new in threads` : null].filter(Boolean).join(", ");
    return h(
      "li",
      {},
      h(
        "a",
        {
          href: toChannel(channel.id),
          class: [unread && "unread", inThreads && "threads"].filter(Boolean).join(" ") || null,
          "aria-current": here ? "page" : null,
          "aria-label": said ? `${name}, ${said}` : name,
        },
        channel.kind === "im" ? avatar(store, store.hello.bot) : channelSign(channel),
        h("span", { class: "name" }, name),
        inThreads ? h("span", { class: "in-threads", title: `${inThreads} new in threads` }, icon("thread"), String(inThreads)) : null,
        unread ? h("span", { class: "count" }, String(unread)) : null,
      ),
    );
  }
}

function section(title, entries, none) {
  return h(
    "section",
    {},
    h("h2", {}, title),
    entries.length ? h("ul", { role: "list" }, entries) : h("p", { class: "none" }, none),
  );
}
