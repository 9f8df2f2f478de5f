/** The message box: Enter sends, Shift+Enter breaks the line, files are attached, dropped or pasted. */

import { act, failureOf, packed } from "./api.js";
import { announce } from "./announce.js";
import { Attachments } from "./attachments.js";
import { h, icon, newId, replace } from "./dom.js";
import { asCommand, suggestions, toTokens } from "./typing.js";

export class Composer {
  /** `place()` gives { channel, thread, label }; `onEditLast` edits one's last message. */
  constructor(store, { id, place, onEditLast, broadcast = false }) {
    this.store = store;
    this.place = place;
    this.onEditLast = onEditLast;
    this.drafts = new Map();
    this.key = null;
    this.area = h("textarea", { id, rows: 1, role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", autocomplete: "off" });
    this.options = h("ul", { class: "suggestions", role: "listbox", id: newId("suggestions"), "aria-label": "Suggestions", hidden: true });
    this.area.setAttribute("aria-controls", this.options.id);
    this.attached = new Attachments(this.area, { label: "Attach files", onChange: () => this.#changed() });
    this.also = h("input", { type: "checkbox" });
    this.alsoLabel = h("span");
    this.sender = h("button", { type: "button", class: "send", "aria-label": "Send", title: "Send (Enter)", onclick: () => this.send() }, icon("send"));
    this.box = h(
      "div",
      { class: "composer" },
      this.options,
      h("div", { class: "box" },
        this.area,
        this.attached.chips,
        h("div", { class: "bar" },
          this.attached.button,
          this.attached.picker,
          broadcast ? h("label", { class: "also" }, this.also, this.alsoLabel) : null,
          h("span", { class: "quiet grow" }, h("kbd", {}, "Enter"), " sends, ", h("kbd", {}, "Shift+Enter"), " starts a new line"),
          this.sender,
        ),
      ),
    );
    this.#listen();
    this.#changed();
  }

  /** Shows the draft of wherever we are now. */
  update() {
    const { channel, thread, label, archived } = this.place();
    const key = `${channel}/${thread ?? ""}`;
    this.area.setAttribute("aria-label", label);
    this.area.placeholder = archived ? "This channel is archived" : label;
    this.area.disabled = Boolean(archived);
    this.alsoLabel.textContent = this.place().also ?? "";
    if (key === this.key) return;
    if (this.key) this.drafts.set(this.key, { text: this.area.value, files: this.attached.files });
    this.key = key;
    const draft = this.drafts.get(key) ?? { text: "", files: [] };
    this.area.value = draft.text;
    this.also.checked = false;
    this.#suggest([]);
    this.attached.set(draft.files);
  }

  focus() {
    this.area.focus();
  }

  #listen() {
    const { area, box } = this;
    area.addEventListener("input", () => {
      this.#changed();
      this.#suggest(suggestions(area.value.slice(0, area.selectionStart), this.store));
    });
    area.addEventListener("keydown", (event) => this.#key(event));
    area.addEventListener("blur", () => setTimeout(() => this.#suggest([]), 150));
    box.addEventListener("dragover", (event) => {
      event.preventDefault();
      box.classList.add("dragged");
    });
    box.addEventListener("dragleave", () => box.classList.remove("dragged"));
  }

  acceptDrops(zone) {
    this.attached.acceptDrops(zone);
    zone.addEventListener("drop", () => this.box.classList.remove("dragged"));
  }

  #changed() {
    this.area.style.height = "auto";
    this.area.style.height = `${Math.min(this.area.scrollHeight + 2, 200)}px`;
    this.sender.disabled = !this.area.value.trim() && !this.attached.files.length;
  }

  #key(event) {
    if (event.isComposing) return;
    if (this.found?.length && this.#choose(event)) return;
    const { key } = event;
    if (key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (key === "ArrowUp" && !this.area.value && this.onEditLast()) {
      event.preventDefault();
    }
  }

  // suggestions

  #suggest(found) {
    this.found = found;
    this.at = 0;
    this.options.hidden = !found.length;
    this.area.setAttribute("aria-expanded", String(Boolean(found.length)));
    replace(this.options, found.map((item, index) =>
      h("li", { role: "option", id: `${this.options.id}-${index}`, onmousedown: (event) => {
        event.preventDefault();
        this.#take(item);
      } }, h("strong", {}, item.label), h("span", { class: "quiet" }, item.hint)),
    ));
    this.#mark();
  }

  #mark() {
    [...this.options.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === this.at)));
    if (this.found.length) this.area.setAttribute("aria-activedescendant", `${this.options.id}-${this.at}`);
    else this.area.removeAttribute("aria-activedescendant");
  }

  #choose(event) {
    const count = this.found.length;
    if (event.key === "ArrowDown") this.at = (this.at + 1) % count;
    else if (event.key === "ArrowUp") this.at = (this.at + count - 1) % count;
    else if (event.key === "Escape") this.#suggest([]);
    else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) this.#take(this.found[this.at]);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    if (this.found.length) this.#mark();
    return true;
  }

  #take(item) {
    const caret = this.area.selectionStart;
    this.area.setRangeText(item.insert, caret - item.length, caret, "end");
    this.#suggest([]);
    this.#changed();
  }

  // sending

  async send() {
    const { channel, thread } = this.place();
    const text = this.area.value;
    const { files } = this.attached;
    if (!text.trim() && !files.length) return;
    const command = files.length ? null : asCommand(text);
    const also = this.also.checked;
    this.area.value = "";
    this.also.checked = false;
    this.attached.set([]);
    this.#suggest([]);
    const sent = command ? await this.#command(command, channel, thread) : await this.#post(text, files, channel, thread, also);
    if (!sent && this.key === `${channel}/${thread ?? ""}` && !this.area.value) {
      this.area.value = text;
      this.attached.set(files);
    }
  }

  async #post(text, files, channel, thread, also) {
    const { store } = this;
    const packedFiles = await Promise.all(files.map(packed));
    const body = { user: store.me, channel, text: toTokens(text.trim(), store), thread_ts: thread ?? null };
    if (also) body.reply_broadcast = true;
    if (files.length) body.files = packedFiles;
    const answer = await act("post", body);
    if (answer) announce("Sent");
    return Boolean(answer);
  }

  /** As Slack does: not in threads, and only what an app has declared. */
  async #command({ command, text }, channel, thread) {
    const { store } = this;
    if (thread) {
      store.notice(channel, `\`${command}\` is not supported in threads. Sorry!`, thread);
      return true;
    }
    if (!(command in (store.hello?.commands ?? {}))) {
      store.notice(channel, `\`${command}\` is not a valid command. In Slack, all messages that start with the “/” character are interpreted as commands. If you are trying to send a message and not run a command, try preceding the “/” with an empty space.`);
      return true;
    }
    const answer = await act("command", { user: store.me, channel, command, text: toTokens(text, store) });
    const failed = failureOf(answer?.reply, `\`${command}\``);
    if (failed) store.notice(channel, failed);
    return true;
  }
}
