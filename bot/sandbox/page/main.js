/** Puts the page together: who is looking, where they are, and what changes. */

import { announce } from "./announce.js";
import { choose } from "./chooser.js";
import { Conversation } from "./conversation.js";
import { $ } from "./dom.js";
import { personName } from "./mail_people.js";
import { Mailbox } from "./mailbox.js";
import { Modals } from "./modal.js";
import { plain } from "./mrkdwn.js";
import { authorOf, channelTitle } from "./names.js";
import { Panel } from "./panel.js";
import { parse } from "./route.js";
import { Sidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { ThreadPane } from "./thread_pane.js";
import { buildTop } from "./top.js";

const SAID = 140;
const store = new Store();
store.namesVersion = 0;

buildTop({ onPanel: () => panel.show(!panel.isOpen, true) });
const conversation = new Conversation(store);
const thread = new ThreadPane(store);
const mailbox = new Mailbox(store);
const sidebar = new Sidebar(store, { onSwitch: () => choose(store, become, true) });
const modals = new Modals(store);
const panel = new Panel(store);

function become(user) {
  thread.hide();
  history.replaceState(null, "", location.pathname);
  toldOf.clear();
  store.become(user);
}

/** Shows what the address says. `moved`: it has just changed, so the focus goes along. */
function follow(moved = false) {
  if (!store.hello?.me) return;
  const route = parse(location.hash, store);
  if (route.unknown) history.replaceState(null, "", location.pathname);
  if (route.mail) {
    thread.hide();
    conversation.root.hidden = true;
    mailbox.open(route.thread ?? null, moved);
    sidebar.render({ channel: null, home: false, mail: true });
    return;
  }
  mailbox.hide();
  if (!route.channel) return;
  conversation.root.hidden = false;
  conversation.open(route.channel, Boolean(route.home));
  if (route.thread && store.message(route.channel, route.thread)) {
    const opened = thread.open(route.channel, route.thread);
    const reply = route.focus && route.focus !== route.thread && thread.timeline.reveal(route.focus);
    if (!reply && (opened || moved)) thread.composer.focus();
  } else {
    thread.hide();
    if (route.focus) conversation.timeline.reveal(route.focus);
    else if (moved && !route.home && document.activeElement === document.body) conversation.composer.focus();
  }
  sidebar.render({ channel: route.channel, home: Boolean(route.home) });
}

store.addEventListener("change", ({ detail: { changed, arrived, mails } }) => {
  const any = (...topics) => topics.some((topic) => changed.has(topic));
  if (any("connection")) connection();
  if (any("people")) store.namesVersion += 1;
  if (any("hello")) hello();
  if (!store.hello?.me) return;
  if (any("people", "channels", "messages", "ephemerals")) {
    conversation.render();
    thread.render();
  } else if (any("home")) {
    conversation.render();
  }
  if (any("views", "hello")) modals.render();
  if (any("panel", "journeys", "messages", "hello")) panel.render();
  if (any("mails", "people", "panel", "hello")) mailbox.render();
  if (any("people", "channels", "messages", "mails", "read", "hello")) sidebar.render();
  arrived.forEach(tell);
  mails.forEach(tellOfMail);
});

function hello() {
  if (!store.me) {
    const asked = new URLSearchParams(location.search).get("as");
    const person = [...store.people.values()].find((one) => one.id === asked || one.name === asked);
    if (person) store.become(person.id);
    else choose(store, become, false);
    return;
  }
  follow();
  if (document.activeElement === document.body) (mailbox.isOpen ? mailbox : conversation.composer).focus();
}

function connection() {
  const banner = $("banner");
  banner.hidden = store.connected;
  banner.textContent = store.connected ? "" : "The local Slack does not answer. Trying again…";
}

/** New messages of others are said to screen readers. */
function tell({ channel, message }) {
  if (message.user === store.me || message.subtype === "tombstone") return;
  const words = plain(message.text ?? "", store).slice(0, SAID);
  const where = message.thread_ts && message.thread_ts !== message.ts ? `a thread in ${channelTitle(store, channel)}` : channelTitle(store, channel);
  announce(`New message in ${where} from ${authorOf(store, message)}: ${words}`);
}

const toldOf = new Set();

function tellOfMail(mail) {
  if (mail.gone || toldOf.has(mail.number) || !store.isUnread(mail) || mail.mailbox !== store.people.get(store.me)?.email) return;
  toldOf.add(mail.number);
  announce(`New mail from ${personName(mail.from[0])}: ${mail.subject}`);
}

addEventListener("hashchange", () => follow(true));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  conversation.render();
  thread.render();
  mailbox.render();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "F6") {
    event.preventDefault();
    nextPart(event.shiftKey ? -1 : 1);
  } else if (event.key === "." && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    panel.show(!panel.isOpen, true);
  } else if (event.key === "Escape" && !event.defaultPrevented) {
    if (document.body.classList.contains("with-sidebar")) document.body.classList.remove("with-sidebar");
    else if (thread.isOpen && document.activeElement === document.body) thread.close();
  }
});

/** F6 as in Slack: from one part of the page to the next. */
function nextPart(step) {
  const within = (root, selector) => (root.hidden ? null : root.querySelector(selector));
  const parts = [
    within($("sidebar"), 'a[tabindex="0"]'),
    within($("conversation"), '.messages > [tabindex="0"]') ?? within($("conversation"), ".home button, .home a"),
    conversation.home ? null : $("composer-main"),
    within($("mail"), '.mail-list a[tabindex="0"]') ?? within($("mail"), "select"),
    within($("mail"), ".mail-open"),
    within($("thread"), '.messages > [tabindex="0"]'),
    thread.isOpen ? $("composer-thread") : null,
    within($("panel"), "button"),
  ].filter((part) => part && part.offsetParent !== null);
  const regions = parts.map((part) => part.closest(".composer, .messages, .mail-side, .mail-open, nav, #panel") ?? part);
  const at = regions.findIndex((region) => region.contains(document.activeElement));
  parts[(at + step + parts.length) % parts.length]?.focus();
}

store.connect();
