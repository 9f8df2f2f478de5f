/** Backstage: what goes wrong with mail. */

import { act } from "./api.js";
import { announce } from "./announce.js";
import { h, replace } from "./dom.js";

const FAULTS = [
  ["smtp", "RCPT", "450 4.2.1 The mailbox is busy, try again later", "SMTP: 450, the mailbox is busy"],
  ["smtp", "RCPT", "550 5.1.1 No such user here", "SMTP: 550, no such user"],
  ["smtp", "DATA", "451 4.7.1 Try again later", "SMTP: 451 after the mail"],
  ["smtp", "DATA", "554 5.7.1 Refused as spam", "SMTP: 554 after the mail"],
  ["smtp", "DATA", "lost_answer", "SMTP: the answer to the mail is lost"],
  ["smtp", "CONNECT", "421 4.3.2 Too many connections", "SMTP: 421, too many connections"],
  ["imap", "FETCH", "drop", "IMAP: cut while fetching"],
  ["imap", "FETCH", "no", "IMAP: fetching is refused"],
  ["imap", "SELECT", "no", "IMAP: the folder is refused"],
  ["imap", "*", "bye", "IMAP: BYE at the next command"],
];

export class MailTrouble {
  /** `group`, `button` and `select` are the panel's own ways to make these. */
  constructor(store, { group, button, select, times }) {
    this.store = store;
    this.times = times;
    this.outage = toggle((on) => act("mail_outage", { on }));
    this.stalled = toggle((on) => act("mail_stall", { on }));
    this.refused = toggle((on) => act("mail_logins", { refused: on }));
    this.what = select("Trouble with mail", FAULTS.map(([, , , words], index) => [String(index), words]));
    this.often = select("Times", Object.entries(times).sort(([a], [b]) => (a || 99) - (b || 99)));
    this.pending = h("ul", { class: "faults", "aria-label": "Trouble with mail to come" });
    this.line = h("p", { class: "quiet", role: "status" });
    const told = (verb, body, words) => async () => {
      if (await act(verb, body)) announce(words);
    };
    this.root = group("Mail goes wrong",
      label(this.outage, "Outage: neither IMAP nor SMTP answers"),
      label(this.stalled, "Stalled: connections stand, nothing passes"),
      label(this.refused, "Logins are refused"),
      h("div", { class: "fault" }, this.what, this.often, button("Add fault", () => this.#add())),
      this.pending,
      h("div", { class: "row" },
        button("Cut connections", told("mail_drop", {}, "Mail connections were cut")),
        button("New UIDVALIDITY", told("mail_renumber", {}, "The desk’s folder was numbered anew")),
        button("Clear mail faults", async () => {
          await act("mail_faults", { clear: true });
          await act("mail_outage", { on: false });
        })),
      this.line);
  }

  #add() {
    const [protocol, command, kind] = FAULTS[Number(this.what.value)];
    const times = this.often.value;
    return act("mail_faults", { protocol, command, kind, times: times ? Number(times) : null });
  }

  render() {
    const { mail } = this.store.panel;
    this.root.hidden = !mail;
    if (!mail) return;
    this.outage.checked = mail.away;
    this.stalled.checked = mail.stalled;
    this.refused.checked = mail.logins_refused;
    this.pending.hidden = !mail.faults.length;
    replace(this.pending, mail.faults.map((fault) => h("li", {}, `${wordsFor(fault)}, ${this.times[fault.times ?? ""] ?? `${fault.times} times`}`)));
    this.line.textContent = `${mail.readers} IMAP ${mail.readers === 1 ? "connection" : "connections"}.`;
  }
}

function wordsFor({ protocol, command, kind }) {
  const known = FAULTS.find((one) => one[0] === protocol && one[1] === command && one[2] === kind);
  return known?.[3] ?? `${protocol.toUpperCase()} ${command}: ${kind}`;
}

function toggle(onchange) {
  const box = h("input", { type: "checkbox", role: "switch", onchange: () => onchange(box.checked) });
  return box;
}

const label = (box, words) => h("label", { class: "switch" }, box, h("span", {}, words));
