/** The thread beside the channel. */

import { Composer } from "./composer.js";
import { editLast } from "./conversation.js";
import { $, h, iconButton, replace } from "./dom.js";
import { channelTitle } from "./names.js";
import { go, toChannel } from "./route.js";
import { Timeline } from "./timeline.js";

export class ThreadPane {
  constructor(store) {
    this.store = store;
    this.root = $("thread");
    this.channel = null;
    this.ts = null;
    this.newFrom = "0";
    this.title = h("div", { class: "pane-head" });
    this.timeline = new Timeline(store, { label: "Thread", inThread: true });
    this.timeline.onchange = () => this.render();
    this.composer = new Composer(store, {
      id: "composer-thread",
      broadcast: true,
      place: () => ({
        channel: this.channel, thread: this.ts, label: "Reply…", archived: store.channels.get(this.channel)?.is_archived,
        also: `Also send to ${channelTitle(store, this.channel)}`,
      }),
      onEditLast: () => editLast(this.timeline, store.thread(this.channel, this.ts), store),
    });
    this.composer.acceptDrops(this.root);
    replace(this.root, this.title, this.timeline.scroller, this.composer.box);
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.close();
    });
  }

  get isOpen() {
    return !this.root.hidden;
  }

  open(channel, ts) {
    const moved = channel !== this.channel || ts !== this.ts || !this.isOpen;
    this.channel = channel;
    this.ts = ts;
    this.root.hidden = false;
    document.body.classList.add("with-thread");
    if (moved) this.newFrom = this.store.lastRead(channel, ts);
    this.render();
    return moved;
  }

  hide() {
    this.root.hidden = true;
    this.ts = null;
    document.body.classList.remove("with-thread");
  }

  /** Back to the channel, with the focus on the message whose thread it was. */
  close() {
    const { channel, ts } = this;
    go(toChannel(channel));
    queueMicrotask(() => {
      const item = document.querySelector(`#conversation .message[data-ts="${CSS.escape(ts ?? "")}"]`);
      (item ?? $("composer-main"))?.focus();
    });
  }

  render() {
    const { store, channel, ts } = this;
    if (!this.isOpen) return;
    const rows = store.thread(channel, ts);
    replace(
      this.title,
      h("h2", {}, "Thread", h("a", { class: "quiet", href: toChannel(channel) }, channelTitle(store, channel))),
      iconButton("close", "Close the thread (Esc)", () => this.close()),
    );
    const before = rows.length ? [] : [h("li", { class: "empty" }, h("p", {}, "There is no such message any more."))];
    this.timeline.list.setAttribute("aria-label", `Thread in ${channelTitle(store, channel)}`);
    this.timeline.render(rows, { channel, thread: ts, before, newFrom: this.newFrom === "0" ? null : this.newFrom });
    this.composer.update();
    if (!document.hidden) store.markRead(channel, ts);
  }
}
