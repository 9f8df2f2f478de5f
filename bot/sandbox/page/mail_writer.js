/** Writing a mail: as whoever the mailbox belongs to, or as anybody; with files; proven or forged. */

import { act, packed } from "./api.js";
import { announce, toast } from "./announce.js";
import { Attachments } from "./attachments.js";
import { h, newId, replace } from "./dom.js";
import { personName, withAddress } from "./mail_people.js";

const PROOFS = {
  pass: "proves the sender (DMARC passes)",
  fail: "does not (DMARC fails, as for a forged one)",
  none: "says nothing of the sender",
};

export class MailWriter {
  constructor(store, { onSent, onCancel }) {
    this.store = store;
    this.onSent = onSent;
    this.answered = null;
    this.drafts = new Map();
    this.known = h("datalist", { id: newId("people") });
    this.from = line("From", this.known.id);
    this.to = line("To", this.known.id);
    this.subject = line("Subject");
    this.area = h("textarea", { rows: 4, "aria-label": "Words of the mail", placeholder: "Write a mail" });
    this.proof = h("select", { class: "block-select small", id: newId("proof") }, Object.entries(PROOFS).map(([value, label]) => h("option", { value }, label)));
    this.quote = h("input", { type: "checkbox", checked: true });
    this.quoting = h("label", { class: "choice" }, this.quote, "Quote it below");
    this.attached = new Attachments(this.area, { label: "Attach files to the mail", onChange: () => this.#changed() });
    this.title = h("h3");
    this.button = h("button", { type: "submit", class: "block-button small primary" }, "Send mail");
    this.cancel = h("button", { type: "button", class: "block-button small", onclick: onCancel }, "Cancel");
    this.root = h("form", { class: "mail-writer", "aria-label": "Write a mail", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      this.send();
    } },
    this.title, this.known,
    this.from.row, this.to.row, this.subject.row,
    this.area, this.attached.chips,
    h("div", { class: "proof" }, h("label", { for: this.proof.id }, "The receiving server"), this.proof),
    this.quoting,
    h("div", { class: "bar" },
      this.button, this.cancel,
      this.attached.button, this.attached.picker,
      h("span", { class: "quiet grow" }, h("kbd", {}, "Ctrl+Enter"), " sends")));
    this.#listen();
  }

  /** For a mailbox: a new mail, or the answer to the last one of a conversation. */
  open(address, fresh, last) {
    if (this.key) this.drafts.set(this.key, { ...this.#fields(), files: this.attached.files });
    this.key = `${address}/${fresh ? "new" : (last?.thread ?? "")}`;
    const { store } = this;
    replace(this.known, [...new Set([...store.mailboxes(), store.hello.mail.desk])].map((one) => h("option", { value: this.#full(one) })));
    const draft = this.drafts.get(this.key);
    this.from.input.value = draft?.sender ?? this.#full(address);
    this.to.input.value = draft?.to ?? store.hello.mail.desk;
    this.subject.input.value = draft?.subject ?? "";
    this.area.value = draft?.text ?? "";
    this.proof.value = draft?.authentication ?? "pass";
    this.cancel.hidden = !fresh;
    this.title.hidden = fresh;
    this.quoting.hidden = fresh;
    this.answered = null;
    if (last) this.answer(last);
    this.attached.set(draft?.files ?? []);
  }

  /** The mail that is answered now. */
  answer(last) {
    if (this.answered?.number === last.number) return;
    this.answered = last;
    const own = this.store.mailbox();
    const mine = (one) => one.address.toLowerCase() === own;
    const other = last.from.find((one) => !mine(one)) ?? last.to.find((one) => !mine(one)) ?? last.from[0];
    this.title.textContent = `Answer ${personName(other)}`;
    if (this.area.value.trim()) return; // what is being written stays as it is
    this.to.input.value = other?.address ?? "";
    this.subject.input.value = /^re:/i.test(last.subject) ? last.subject : `Re: ${last.subject}`;
  }

  focus() {
    (this.subject.input.value ? this.area : this.subject.input).focus();
  }

  #full(address) {
    const person = this.store.personOf(address);
    return withAddress({ name: person?.real_name, address });
  }

  #fields() {
    return {
      sender: this.from.input.value.trim(), to: this.to.input.value.trim(), subject: this.subject.input.value.trim(),
      text: this.area.value, authentication: this.proof.value,
    };
  }

  #listen() {
    this.area.addEventListener("input", () => this.#changed());
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.send();
    });
    this.attached.acceptDrops(this.root);
  }

  #changed() {
    this.area.style.height = "auto";
    this.area.style.height = `${Math.min(Math.max(this.area.scrollHeight + 2, 92), 320)}px`;
  }

  async send() {
    const fields = this.#fields();
    const missing = !fields.sender.includes("@") ? this.from : !fields.to.includes("@") ? this.to : null;
    if (missing) {
      toast("A mail needs an address in From and in To.");
      missing.input.focus();
      return;
    }
    if (!fields.text.trim() && !fields.subject && !this.attached.files.length) {
      toast("There is nothing in this mail yet.");
      this.area.focus();
      return;
    }
    this.button.disabled = true;
    const body = { ...fields, files: await Promise.all(this.attached.files.map(packed)) };
    if (this.answered) body.answered = this.answered.number;
    if (this.answered && this.quote.checked) body.text += quoted(this.answered);
    const answer = await act("mail_write", body);
    this.button.disabled = false;
    if (!answer) return;
    announce("Sent");
    this.area.value = "";
    if (!this.answered) this.subject.input.value = "";
    this.proof.value = "pass";
    this.attached.set([]);
    this.onSent(answer.sent);
  }
}

/** A mail as mail programs put it below the answer. */
function quoted(mail) {
  const at = new Date(mail.at * 1000).toUTCString();
  const below = mail.text.split("\n").map((words) => (words.startsWith(">") ? `>${words}` : `> ${words}`));
  return `\n\nOn ${at.slice(0, 16)} at ${at.slice(17, 22)}, ${withAddress(mail.from[0])} wrote:\n${below.join("\n")}\n`;
}

function line(label, list = null) {
  const input = h("input", { type: "text", id: newId("line"), list, autocomplete: "off", spellcheck: label === "Subject" ? null : "false" });
  return { input, row: h("div", { class: "mail-line" }, h("label", { for: input.id }, label), input) };
}
