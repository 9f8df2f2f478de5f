/** What this tab knows of the workspace, kept current over a WebSocket. Views listen for what has changed. */

import { compareTs } from "./time.js";

const READ_KEY = "casewire-read";

export class Store extends EventTarget {
  constructor() {
    super();
    this.me = sessionStorage.getItem("casewire-me");
    this.hello = null;
    this.people = new Map();
    this.channels = new Map();
    this.messages = new Map(); // channel id -> Map of ts -> message, oldest first
    this.more = new Map(); // channel id -> whether there are earlier messages
    this.ephemerals = [];
    this.notices = []; // what Slack itself tells this person, here only
    this.views = [];
    this.home = null;
    this.panel = { offset: 0, faults: [], connections: 0, bot: null };
    this.journeys = new Map();
    this.mails = new Map(); // number -> mail, oldest first
    this.opened = null; // the mailbox that is looked at, where it is not one's own
    this.connected = false;
    this.read = {};
  }

  // the line

  connect() {
    this.socket?.close();
    const socket = new WebSocket(`ws://${location.host}/sandbox/live?as=${encodeURIComponent(this.me ?? "")}`);
    this.socket = socket;
    socket.addEventListener("message", (event) => {
      if (socket === this.socket) this.#take(JSON.parse(event.data));
    });
    socket.addEventListener("close", () => {
      if (socket !== this.socket) return;
      this.connected = false;
      this.#tell(["connection"]);
      this.retry = Math.min((this.retry ?? 250) * 2, 4000);
      setTimeout(() => socket === this.socket && this.connect(), this.retry);
    });
  }

  /** Become somebody; only this tab does. */
  become(user) {
    this.me = user;
    sessionStorage.setItem("casewire-me", user);
    this.notices = [];
    this.opened = null;
    this.hello = null;
    this.connect();
  }

  #take(frame) {
    const changed = new Set();
    if (frame.type === "hello") {
      this.hello = frame;
      this.connected = true;
      this.retry = 250;
      this.me = frame.me;
      this.channels.clear();
      this.messages.clear();
      this.journeys.clear();
      this.mails.clear();
      this.home = null;
      this.#loadRead();
      changed.add("hello").add("connection");
    }
    if (frame.people) {
      this.people = new Map(frame.people.map((person) => [person.id, person]));
      changed.add("people");
    }
    if (frame.channels) {
      this.channels = new Map(frame.channels.map((channel) => [channel.id, channel]));
      changed.add("channels");
    }
    for (const name of ["ephemerals", "views", "home", "panel"]) {
      if (name in frame) {
        this[name] = frame[name];
        changed.add(name);
      }
    }
    const arrived = [];
    for (const change of frame.messages ?? []) {
      this.#change(change, arrived);
      changed.add("messages");
    }
    for (const journey of frame.journeys ?? []) {
      this.journeys.set(journey.number, journey);
      changed.add("journeys");
    }
    for (const mail of frame.mails ?? []) {
      if (mail.gone) this.mails.delete(mail.gone);
      else this.mails.set(mail.number, mail);
      changed.add("mails");
    }
    this.#tell(changed, arrived, frame.type === "hello" ? [] : (frame.mails ?? []));
  }

  #change(change, arrived) {
    const known = this.messages.get(change.channel) ?? new Map();
    this.messages.set(change.channel, known);
    if (change.all) {
      this.messages.set(change.channel, new Map(change.all.map((message) => [message.ts, message])));
      this.more.set(change.channel, change.more);
    } else if (change.gone) {
      known.delete(change.gone);
    } else {
      const message = change.message;
      if (!known.has(message.ts)) arrived.push({ channel: change.channel, message });
      known.set(message.ts, message);
    }
  }

  /** Messages from before those that are known. */
  addEarlier(channel, messages, more) {
    const known = this.messages.get(channel) ?? new Map();
    const all = [...messages.filter((message) => !known.has(message.ts)), ...known.values()];
    all.sort((a, b) => compareTs(a.ts, b.ts));
    this.messages.set(channel, new Map(all.map((message) => [message.ts, message])));
    this.more.set(channel, more);
    this.#tell(["messages"]);
  }

  #tell(changed, arrived = [], mails = []) {
    this.dispatchEvent(new CustomEvent("change", { detail: { changed: new Set(changed), arrived, mails } }));
  }

  // what Slack itself says

  /** Slackbot's word to this person alone; it is gone with the tab, as in Slack. */
  notice(channel, text, threadTs) {
    const ts = this.now().toFixed(6);
    this.notices.push({ ts, channel, text, thread_ts: threadTs, user: "USLACKBOT", is_ephemeral: true, local: true });
    this.#tell(["ephemerals"]);
  }

  dropNotice(ts) {
    this.notices = this.notices.filter((notice) => notice.ts !== ts);
    this.#tell(["ephemerals"]);
  }

  // looking

  now() {
    return Date.now() / 1000 + this.panel.offset;
  }

  dm() {
    return [...this.channels.values()].find((channel) => channel.kind === "im");
  }

  message(channel, ts) {
    return this.messages.get(channel)?.get(ts);
  }

  all(channel) {
    return [...(this.messages.get(channel)?.values() ?? [])];
  }

  whispers(channel, threadTs) {
    const mine = [...this.ephemerals, ...this.notices];
    return mine.filter((message) => message.channel === channel && (message.thread_ts ?? null) === (threadTs ?? null));
  }

  timeline(channel) {
    const shown = this.all(channel).filter((message) => isTopLevel(message));
    return [...shown, ...this.whispers(channel, null)].sort((a, b) => compareTs(a.ts, b.ts));
  }

  thread(channel, root) {
    const shown = this.all(channel).filter((message) => message.ts === root || message.thread_ts === root);
    return [...shown, ...this.whispers(channel, root)].sort((a, b) => compareTs(a.ts, b.ts));
  }

  // mail

  /** The address whose mailbox is looked at. */
  mailbox() {
    return this.opened ?? this.people.get(this.me)?.email ?? this.hello?.mail?.desk;
  }

  openMailbox(address) {
    this.opened = address;
  }

  /** One's own mailbox first, then the desk's, the other people's, and whoever else wrote or got a mail. */
  mailboxes() {
    const people = [...this.people.values()].filter((person) => person.email && !person.deleted).map((person) => person.email);
    const others = [...this.mails.values()].map((mail) => mail.mailbox).sort();
    const own = this.people.get(this.me)?.email;
    return [...new Set([own, this.hello?.mail?.desk, ...people, ...others].filter(Boolean))];
  }

  personOf(address) {
    return [...this.people.values()].find((person) => person.email === address);
  }

  mailThread(thread) {
    const mine = this.mailbox();
    const found = [...this.mails.values()].filter((mail) => mail.mailbox === mine && mail.thread === thread);
    return found.sort((a, b) => a.number - b.number);
  }

  /** The conversations of the mailbox that is looked at, the newest first. */
  mailThreads() {
    const mine = this.mailbox();
    const threads = [...new Set([...this.mails.values()].filter((mail) => mail.mailbox === mine).map((mail) => mail.thread))];
    return threads.map((thread) => this.mailThread(thread)).sort((a, b) => b.at(-1).number - a.at(-1).number);
  }

  /** Whether it has not been seen by its owner; the desk's mail is read by the desk. */
  isUnread(mail) {
    return !mail.seen && mail.folder === "INBOX" && mail.mailbox !== this.hello?.mail?.desk;
  }

  unreadMails() {
    const own = this.people.get(this.me)?.email;
    return [...this.mails.values()].filter((mail) => mail.mailbox === own && this.isUnread(mail)).length;
  }

  // unread

  #loadRead() {
    this.read = {};
    try {
      const kept = JSON.parse(localStorage.getItem(READ_KEY) ?? "{}");
      if (kept.run === this.hello.run) this.read = kept[this.me] ?? {};
    } catch {
      // another tab wrote something else: nothing is read then
    }
  }

  #saveRead() {
    let kept = {};
    try {
      kept = JSON.parse(localStorage.getItem(READ_KEY) ?? "{}");
    } catch {
      kept = {};
    }
    if (kept.run !== this.hello.run) kept = { run: this.hello.run };
    kept[this.me] = this.read;
    localStorage.setItem(READ_KEY, JSON.stringify(kept));
  }

  lastRead(channel, threadTs) {
    return this.read[threadTs ? `${channel}/${threadTs}` : channel] ?? "0";
  }

  /** All that is there now has been seen. */
  markRead(channel, threadTs) {
    const rows = threadTs ? this.thread(channel, threadTs) : this.timeline(channel);
    const last = rows.filter((message) => !message.is_ephemeral).at(-1)?.ts;
    if (!last || compareTs(last, this.lastRead(channel, threadTs)) <= 0) return;
    this.read[threadTs ? `${channel}/${threadTs}` : channel] = last;
    this.#saveRead();
    this.#tell(["read"]);
  }

  #isNew(message, mark) {
    return message.user !== this.me && message.subtype !== "tombstone" && compareTs(message.ts, mark) > 0;
  }

  unread(channel) {
    const mark = this.lastRead(channel);
    return this.all(channel).filter((message) => isTopLevel(message) && this.#isNew(message, mark)).length;
  }

  unreadInThread(channel, root) {
    const mark = this.lastRead(channel, root);
    return this.all(channel).filter((m) => m.thread_ts === root && m.ts !== root && this.#isNew(m, mark)).length;
  }

  unreadInThreads(channel) {
    return this.all(channel).filter(
      (m) => m.thread_ts && m.thread_ts !== m.ts && this.#isNew(m, this.lastRead(channel, m.thread_ts)),
    ).length;
  }
}

export function isTopLevel(message) {
  return !message.thread_ts || message.thread_ts === message.ts || message.subtype === "thread_broadcast";
}
