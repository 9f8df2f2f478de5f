/** The middle of the page: a channel or the direct message with the app, or the app's Home tab. */

import { act, earlier } from "./api.js";
import { Composer } from "./composer.js";
import { $, h, icon, replace, rove } from "./dom.js";
import { HomeTab } from "./home.js";
import { avatar, channelSign, channelTitle, nameOf, roleWords } from "./names.js";
import { openPopover } from "./popover.js";
import { go, toChannel } from "./route.js";
import { Timeline } from "./timeline.js";

export class Conversation {
  constructor(store) {
    this.store = store;
    this.root = $("conversation");
    this.channel = null;
    this.home = false;
    this.newFrom = "0";
    this.headed = null; // what the head shows, so that it is left alone while that is the same
    this.title = h("div", { class: "pane-head" });
    this.timeline = new Timeline(store, { label: "Messages" });
    this.timeline.onchange = () => this.render();
    this.timeline.scroller.addEventListener("scroll", () => this.#seen());
    this.homeTab = new HomeTab(store);
    this.composer = new Composer(store, {
      id: "composer-main",
      place: () => ({ channel: this.channel, label: `Message ${channelTitle(store, this.channel)}`, archived: store.channels.get(this.channel)?.is_archived }),
      onEditLast: () => editLast(this.timeline, store.timeline(this.channel), store),
    });
    this.composer.acceptDrops(this.root);
    replace(this.root, this.title, this.homeTab.root, this.timeline.scroller, this.composer.box);
  }

  /** Goes to a channel, or with `home` to the app's Home tab. */
  open(channel, home = false) {
    const opening = home && !(this.home && this.channel === channel);
    if (channel !== this.channel || home !== this.home) {
      this.channel = channel;
      this.newFrom = this.store.lastRead(channel);
    }
    this.home = home;
    if (opening) act("open_home", { user: this.store.me, tab: "home" });
    this.render();
  }

  render() {
    const { store, channel } = this;
    const known = store.channels.get(channel);
    if (!known) return;
    this.root.setAttribute("aria-label", channelTitle(store, channel));
    this.#head(known);
    this.homeTab.root.hidden = !this.home;
    this.timeline.scroller.hidden = this.home;
    this.composer.box.hidden = this.home;
    if (this.home) {
      this.homeTab.render();
      return;
    }
    const rows = store.timeline(channel);
    const before = store.more.get(channel) ? [this.#more()] : [];
    if (!rows.length) before.push(this.#empty(known));
    this.timeline.list.setAttribute("aria-label", `Messages in ${channelTitle(store, channel)}`);
    this.timeline.render(rows, { channel, before, newFrom: this.newFrom === "0" ? null : this.newFrom });
    this.composer.update();
    this.#seen();
  }

  #head(channel) {
    const { store } = this;
    if (channel.kind === "im") {
      this.headed = null;
      const tab = (label, home) =>
        h("button", {
          type: "button", role: "tab", "aria-selected": String(this.home === home), tabindex: this.home === home ? "0" : "-1",
          onclick: () => go(home ? "#/home" : toChannel(channel.id)),
        }, label);
      const tabs = [tab("Home", true), tab("Messages", false)];
      const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Casewire", onkeydown: (event) =>
        rove(event, tabs, { previous: "ArrowLeft", next: "ArrowRight" }) }, tabs);
      const focused = document.activeElement?.role === "tab" && this.title.contains(document.activeElement);
      replace(this.title, h("h1", {}, avatar(store, store.hello.bot), "Casewire", h("span", { class: "badge" }, "APP")), list);
      if (focused) this.title.querySelector('[aria-selected="true"]')?.focus();
      return;
    }
    const signature = JSON.stringify([channel, store.namesVersion]);
    if (signature === this.headed) return;
    this.headed = signature;
    const away = channel.has_bot ? null : h("span", { class: "warn" }, "Casewire is not in this channel");
    const archived = channel.is_archived ? h("span", { class: "warn" }, "archived") : null;
    replace(
      this.title,
      h("h1", {}, channelSign(channel), channel.name),
      away, archived,
      h("button", { type: "button", class: "members", "aria-haspopup": "dialog", onclick: (event) => showMembers(event.currentTarget, channel, store) },
        `${channel.members.length} members`),
    );
  }

  #empty(channel) {
    if (channel.kind !== "im") return h("li", { class: "empty" }, icon("hash"), h("p", {}, `This is the very beginning of #${channel.name}.`));
    return h("li", { class: "empty" }, avatar(this.store, this.store.hello.bot),
      h("p", {}, "This is your direct message with Casewire. Write what you need: your message becomes a case, and the support team answers here."));
  }

  #more() {
    const { store, channel } = this;
    const load = async () => {
      const first = [...(store.messages.get(channel)?.keys() ?? [])][0];
      const answer = await earlier(store.me, channel, first);
      if (answer) store.addEarlier(channel, answer.messages, answer.more);
    };
    return h("li", { class: "empty" }, h("button", { type: "button", class: "block-button", onclick: load }, "Show earlier messages"));
  }

  /** What is on the screen, down to the end, has been read. */
  #seen() {
    const { scrollHeight, scrollTop, clientHeight } = this.timeline.scroller;
    if (this.home || document.hidden || scrollHeight - scrollTop - clientHeight > 80) return;
    this.store.markRead(this.channel);
  }
}

function showMembers(button, channel, store) {
  const people = channel.members.map((member) => {
    const role = roleWords[store.people.get(member)?.role] ?? "";
    return h("li", {}, avatar(store, member), h("strong", {}, nameOf(store, member)), h("span", { class: "quiet" }, role));
  });
  openPopover(button, `Members of #${channel.name}`, h("ul", { class: "people", role: "list" }, people));
}

/** Edits one's own last message, as the arrow up does in an empty box. */
export function editLast(timeline, rows, store) {
  const mine = rows.findLast((message) => message.user === store.me && !message.is_ephemeral && message.subtype !== "tombstone");
  if (mine) timeline.edit(mine);
  return Boolean(mine);
}
