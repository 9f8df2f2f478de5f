/** The middle of the page as a mail program: a mailbox, its conversations, and the one that is open. */

import { act } from "./api.js";
import { $, h, icon, iconButton, replace, rove } from "./dom.js";
import { letter } from "./letter.js";
import { personName } from "./mail_people.js";
import { MailWriter } from "./mail_writer.js";
import { go } from "./route.js";
import { clock, full, day } from "./time.js";

export class Mailbox {
  constructor(store) {
    this.store = store;
    this.root = $("mail");
    this.thread = null;
    this.signature = null;
    this.awaited = null; // the mail that was just sent
    this.letters = new Map(); // number -> { element, version }
    this.choice = h("select", { class: "block-select small", "aria-label": "Mailbox of", onchange: () => this.#choose() });
    this.list = h("ul", { class: "mail-list", "aria-label": "Conversations", onkeydown: (event) => rove(event, [...this.list.querySelectorAll("a")]) });
    this.bounces = h("input", { type: "checkbox", role: "switch", onchange: () => this.#rule("mail_bounce", "said", this.bounces, "550 5.1.1 No such user here") });
    this.absent = h("input", { type: "checkbox", role: "switch", onchange: () => this.#rule("mail_absent", "text", this.absent, "I am out of the office until Monday.") });
    this.rules = h("fieldset", { class: "mail-rules" }, h("legend", {}, "Mail to this address"),
      h("label", { class: "switch" }, this.bounces, h("span", {}, "bounces")),
      h("label", { class: "switch" }, this.absent, h("span", {}, "is answered automatically: out of office")));
    this.pane = h("div", { class: "mail-open scroller", role: "region", tabindex: "0" });
    this.heading = h("div", { class: "mail-subject" });
    this.body = h("div", { class: "letters" });
    this.writer = new MailWriter(store, { onSent: (number) => {
      this.awaited = number;
      this.#arrive();
    }, onCancel: () => go("#/mail") });
    replace(this.pane, this.heading, this.body, this.writer.root);
    replace(
      this.root,
      h("div", { class: "pane-head" },
        h("h1", {}, icon("mail"), "Mail"),
        this.choice,
        h("button", { type: "button", class: "block-button small primary mail-new", onclick: () => go("#/mail/new") }, "New mail")),
      h("div", { class: "mail-columns" },
        h("div", { class: "mail-side" }, h("div", { class: "scroller" }, this.list), this.rules),
        this.pane),
    );
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** Shows the mailbox; with a conversation, or with `new` an empty mail. */
  open(thread, byHand) {
    const moved = thread !== this.thread;
    this.root.hidden = false;
    document.body.classList.add("with-mail");
    this.thread = thread;
    this.render();
    if (!moved || !byHand) return;
    if (thread === "new") this.writer.focus();
    else if (thread) this.pane.focus();
    else this.#first()?.focus();
  }

  hide() {
    this.root.hidden = true;
    document.body.classList.remove("with-mail");
  }

  focus() {
    if (this.thread === "new") this.writer.focus();
    else (this.#first() ?? this.choice).focus();
  }

  render() {
    if (!this.isOpen || !this.store.hello?.mail) return;
    this.#mailboxes();
    this.#list();
    this.#open();
    this.#arrive();
  }

  // the mailbox

  #mailboxes() {
    const { store } = this;
    const mine = store.mailbox();
    const addresses = store.mailboxes();
    const signature = JSON.stringify([mine, addresses, store.namesVersion]);
    if (signature !== this.chosen) {
      this.chosen = signature;
      replace(this.choice, addresses.map((address) =>
        h("option", { value: address, selected: address === mine }, this.#nameOf(address))));
    }
    const { mail } = store.panel;
    this.bounces.checked = mine in (mail?.bouncing ?? {});
    this.absent.checked = mine in (mail?.out_of_office ?? {});
    this.rules.hidden = mine === store.hello.mail.desk;
  }

  #nameOf(address) {
    if (address === this.store.hello.mail.desk) return `The desk, ${address}`;
    const person = this.store.personOf(address);
    return person ? `${person.real_name}, ${address}` : address;
  }

  #choose() {
    this.store.openMailbox(this.choice.value);
    go("#/mail");
    this.render();
  }

  async #rule(verb, name, box, words) {
    await act(verb, { address: this.store.mailbox(), [name]: box.checked ? words : null });
  }

  // the conversations

  #list() {
    const { store } = this;
    const threads = store.mailThreads();
    const signature = JSON.stringify([this.thread, store.mailbox(), store.namesVersion, threads.map((mails) => mails.map((mail) => [mail.number, mail.version]))]);
    if (signature === this.signature) return;
    this.signature = signature;
    const focused = this.list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    replace(this.list, threads.length ? threads.map((mails) => this.#entry(mails)) : h("li", { class: "empty" }, icon("mail"), h("p", {}, "There is no mail here yet.")));
    const links = [...this.list.querySelectorAll("a")];
    const now = links.find((link) => link.getAttribute("aria-current")) ?? links[0];
    for (const link of links) link.tabIndex = link === now ? 0 : -1;
    if (focused) (links.find((link) => link.getAttribute("href") === focused) ?? now)?.focus();
  }

  #entry(mails) {
    const { store } = this;
    const last = mails.at(-1);
    const unread = mails.some((mail) => store.isUnread(mail));
    const own = store.mailbox();
    const others = named(mails.flatMap((mail) => (mail.from[0]?.address.toLowerCase() === own ? mail.to : mail.from)));
    const here = String(last.thread) === this.thread;
    const sign = mails.some((mail) => mail.files.length) ? icon("clip") : null;
    return h("li", {},
      h("a", { href: `#/mail/${last.thread}`, class: unread ? "unread" : null, "aria-current": here ? "page" : null, "aria-label": `${unread ? "Unread: " : ""}${others.join(", ")}: ${last.subject || "no subject"}` },
        h("span", { class: "mail-who" }, h("span", { class: "name" }, others.join(", ") || "nobody"), mails.length > 1 ? h("span", { class: "quiet" }, String(mails.length)) : null),
        h("time", { class: "quiet", title: full(last.at) }, when(last.at, store.now())),
        h("span", { class: "mail-title" }, mails[0].subject || "(no subject)"), sign,
        h("span", { class: "mail-start quiet" }, last.text.slice(0, 120))));
  }

  #first() {
    return this.list.querySelector('a[tabindex="0"]');
  }

  // the open one

  #open() {
    const { store } = this;
    const fresh = this.thread === "new";
    const mails = fresh || !this.thread ? [] : store.mailThread(Number(this.thread));
    document.body.classList.toggle("with-letter", fresh || mails.length > 0);
    this.pane.setAttribute("aria-label", fresh ? "New mail" : mails[0]?.subject || "Mail");
    const back = iconButton("back", "Back to the conversations", () => go("#/mail"), { class: "icon-button mail-back" });
    const title = fresh ? "New mail" : mails.length ? mails[0].subject || "(no subject)" : null;
    const signature = JSON.stringify([this.thread, store.mailbox(), title]);
    if (signature !== this.headed) {
      this.headed = signature;
      replace(this.heading, title ? [back, h("h2", {}, title)] : null);
      this.writer.open(store.mailbox(), fresh, mails.at(-1) ?? null);
    } else if (mails.length) {
      this.writer.answer(mails.at(-1));
    }
    this.heading.hidden = !title;
    const nothing = !title && h("div", { class: "empty" }, icon("mail"), h("p", {}, "Choose a conversation, or write a new mail."));
    const elements = mails.map((mail) => this.#letter(mail));
    const shown = nothing ? [nothing] : elements;
    if (nothing || shown.length !== this.body.children.length || shown.some((one, index) => one !== this.body.children[index])) {
      replace(this.body, shown);
      if (mails.length > 1) this.pane.scrollTop = elements.at(-1).offsetTop - 60;
    }
    this.writer.root.hidden = !title;
    if (!document.hidden) this.#seen(mails);
  }

  #letter(mail) {
    const known = this.letters.get(mail.number);
    const version = JSON.stringify([mail.subject, mail.text, this.store.namesVersion]);
    if (known?.version === version) return known.element;
    const element = letter(mail, this.store);
    this.letters.set(mail.number, { element, version });
    return element;
  }

  /** What its owner looks at is read; the desk's mail is the desk's to mark. */
  #seen(mails) {
    for (const mail of mails.filter((one) => this.store.isUnread(one))) {
      mail.seen = true;
      act("mail_seen", { number: mail.number });
    }
  }

  /** Once a new mail of one's own is known here, its conversation is opened. */
  #arrive() {
    const mail = this.store.mails.get(this.awaited);
    if (!mail) return;
    this.awaited = null;
    if (this.thread === "new") go(mail.mailbox === this.store.mailbox() ? `#/mail/${mail.thread}` : "#/mail");
  }
}

/** Each address once, by the name that it was last given. */
function named(people) {
  const names = new Map();
  for (const one of people) names.set(one.address, one.name || names.get(one.address) || personName(one));
  return [...new Set(names.values())];
}

function when(at, now) {
  return day(at, now) === "Today" ? clock(at) : day(at, now);
}

