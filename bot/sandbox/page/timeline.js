/** A list of messages that is brought up to date in place: what has not changed stays, focus and all. */

import { h, rove } from "./dom.js";
import { editor } from "./editor.js";
import { messageItem } from "./message.js";
import { compareTs, day, dayKey, seconds } from "./time.js";

const TOGETHER = 300; // seconds in which messages of one author stand under one name
const NEAR_END = 60; // pixels

export class Timeline {
  /** `inThread` leaves out what only channels show. */
  constructor(store, { label, inThread = false }) {
    this.store = store;
    this.inThread = inThread;
    this.list = h("ol", { class: "messages", role: "list", "aria-label": label });
    this.scroller = h("div", { class: "scroller" }, this.list);
    this.shown = new Map(); // key -> { node, signature }
    this.editing = null;
    this.place = null;
    this.stuck = true; // to the end, until somebody scrolls up
    this.scroller.addEventListener("scroll", () => (this.stuck = this.#atEnd()));
    const resized = new ResizeObserver(() => this.stuck && this.toEnd());
    resized.observe(this.scroller);
    resized.observe(this.list);
    this.list.addEventListener("keydown", (event) => {
      if (event.target.classList.contains("message") && rove(event, this.items())) event.target.scrollIntoView({ block: "nearest" });
    });
  }

  items() {
    return [...this.list.querySelectorAll(":scope > .message")];
  }

  /** `before` is content above the first message; `newFrom` is the mark below which everything is new. */
  render(rows, { channel, thread = null, before = [], newFrom = null }) {
    const place = `${channel}/${thread ?? ""}`;
    const moved = place !== this.place;
    if (moved) {
      this.place = place;
      this.shown.clear();
      this.editing = null;
    }
    const wanted = this.#wanted(rows, channel, newFrom);
    const focus = this.#focus();
    const next = new Map();
    const nodes = wanted.map(({ key, signature, make }) => {
      const known = this.shown.get(key);
      const node = known?.signature === signature ? known.node : make();
      next.set(key, { node, signature });
      return node;
    });
    this.shown = next;
    this.#arrange([...before, ...nodes]);
    this.#restore(focus);
    const items = this.items();
    if (!items.some((item) => item.tabIndex === 0) && items.length) items.at(-1).tabIndex = 0;
    if (moved) this.#start();
    else if (this.stuck) this.toEnd();
  }

  edit(message) {
    this.editing = message.ts;
    this.onchange?.();
    this.list.querySelector("textarea")?.focus();
  }

  /** Scrolls to a message and puts the focus on it; false if it is not there. */
  reveal(ts) {
    const item = this.items().find((one) => one.dataset.ts === ts);
    if (!item) return false;
    for (const other of this.items()) other.tabIndex = other === item ? 0 : -1;
    this.stuck = false;
    item.scrollIntoView({ block: "center" });
    item.focus({ preventScroll: true });
    item.classList.add("revealed");
    setTimeout(() => item.classList.remove("revealed"), 2500);
    return true;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  #wanted(rows, channel, newFrom) {
    const wanted = [];
    let previous = null;
    let marked = newFrom === null;
    for (const message of rows) {
      const at = seconds(message.ts);
      if (!this.inThread && (!previous || dayKey(seconds(previous.ts)) !== dayKey(at))) {
        const words = day(at, this.store.now());
        wanted.push({ key: `day-${dayKey(at)}`, signature: words, make: () => h("li", { class: "line" }, h("span", {}, words)) });
        previous = null;
      }
      if (!marked && message.user !== this.store.me && !message.is_ephemeral && compareTs(message.ts, newFrom) > 0) {
        marked = true;
        wanted.push({ key: "new", signature: "new", make: () => h("li", { class: "line new" }, h("span", {}, "New")) });
        previous = null;
      }
      wanted.push(this.#row(message, previous, channel));
      previous = message;
      if (this.inThread && wanted.length === 1) previous = this.#repliesLine(wanted, rows);
    }
    return wanted;
  }

  /** Below the root of a thread: how many replies follow. */
  #repliesLine(wanted, rows) {
    const count = rows.slice(1).filter((row) => !row.is_ephemeral).length;
    if (!count) return rows[0];
    const words = `${count} ${count === 1 ? "reply" : "replies"}`;
    wanted.push({ key: "replies", signature: words, make: () => h("li", { class: "line replies-line" }, h("span", {}, words)) });
    return null;
  }

  #row(message, previous, channel) {
    const { store } = this;
    const editing = this.editing === message.ts;
    const together =
      previous !== null &&
      previous.user === message.user &&
      (previous.username ?? "") === (message.username ?? "") &&
      !previous.is_ephemeral && !message.is_ephemeral &&
      message.subtype !== "thread_broadcast" && message.subtype !== "tombstone" &&
      seconds(message.ts) - seconds(previous.ts) < TOGETHER;
    const unread = this.inThread ? 0 : store.unreadInThread(channel, message.ts);
    const context = { store, channel, inThread: this.inThread, compact: together, unread, edit: (it) => this.edit(it) };
    const signature = editing ? "editing" : JSON.stringify([message, together, unread, store.me, store.namesVersion]);
    const stop = () => {
      this.editing = null;
      this.onchange?.();
      this.reveal(message.ts);
    };
    return {
      key: message.ts,
      signature,
      make: () => (editing ? editor(message, context, stop) : messageItem(message, context)),
    };
  }

  #arrange(nodes) {
    const keep = new Set(nodes);
    for (const child of [...this.list.children]) if (!keep.has(child)) child.remove();
    nodes.forEach((node, index) => {
      if (this.list.children[index] !== node) this.list.insertBefore(node, this.list.children[index] ?? null);
    });
  }

  #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  #start() {
    const mark = this.list.querySelector(".line.new");
    this.stuck = !mark;
    if (mark) mark.scrollIntoView({ block: "center" });
    else this.toEnd();
  }

  /** What has the focus: a message, or a control in it. */
  #focus() {
    const item = document.activeElement?.closest?.(".message");
    if (!item || !this.list.contains(item)) return null;
    return { ts: item.dataset.ts, item, control: document.activeElement.dataset.focus ?? null, on: document.activeElement };
  }

  #restore(focus) {
    if (!focus || focus.on.isConnected) return;
    const item = this.items().find((one) => one.dataset.ts === focus.ts);
    const control = focus.control && item?.querySelector(`[data-focus="${CSS.escape(focus.control)}"]`);
    if (item) item.tabIndex = 0;
    (control || item || this.items().at(-1))?.focus();
  }
}
