/** The modals that the app has open for this person: the topmost is shown. */

import { act } from "./api.js";
import { blocks, textOf } from "./blocks.js";
import { h, iconButton, replace } from "./dom.js";

export class Modals {
  constructor(store) {
    this.store = store;
    this.dialog = h("dialog", { class: "modal", "aria-labelledby": "modal-title" });
    document.body.append(this.dialog);
    this.values = new Map(); // view id -> Map of what has been filled in
    this.errors = {};
    this.trouble = "";
    this.shown = null;
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
  }

  render() {
    const view = this.store.views.at(-1);
    if (!view) {
      if (this.dialog.open) this.#leave();
      return;
    }
    const signature = JSON.stringify([view.id, view.hash, view.title, view.blocks, this.errors, this.trouble]);
    if (signature === this.shown && this.dialog.open) return;
    this.shown = signature;
    if (!this.dialog.open) {
      this.before = document.activeElement;
      this.dialog.showModal();
    }
    this.#fill(view);
  }

  #leave() {
    this.dialog.close();
    this.values.clear();
    this.errors = {};
    this.trouble = "";
    this.shown = null;
    (this.before?.isConnected ? this.before : document.querySelector("main textarea"))?.focus();
  }

  #fill(view) {
    const { store } = this;
    const inDialog = this.dialog.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    const depth = store.views.length;
    const cancel = view.close ?? { type: "plain_text", text: depth > 1 ? "Back" : "Cancel" };
    const submit = view.submit
      ? h("button", { type: "submit", class: "block-button primary", disabled: view.submit_disabled }, textOf(view.submit, store))
      : null;
    const form = h(
      "form",
      { method: "dialog", novalidate: true, onsubmit: (event) => {
        event.preventDefault();
        this.submit(view);
      } },
      h("header", {}, h("h2", { id: "modal-title" }, textOf(view.title, store)), iconButton("close", "Close (Esc)", () => this.close())),
      h("div", { class: "view" },
        this.trouble ? h("p", { class: "error", role: "alert" }, this.trouble) : null,
        blocks(view.blocks, store, this.#surface(view))),
      h("footer", {}, h("button", { type: "button", class: "block-button", onclick: () => this.close() }, textOf(cancel, store)), submit),
    );
    replace(this.dialog, form);
    const wrong = form.querySelector('[aria-invalid="true"]');
    const same = inDialog && form.querySelector(`[data-focus="${CSS.escape(inDialog)}"]`);
    (wrong ?? same ?? form.querySelector(".view input, .view textarea, .view select, .view button, footer .primary, footer button"))?.focus();
  }

  #surface(view) {
    const { store } = this;
    const values = this.values.get(view.id) ?? new Map();
    this.values.set(view.id, values);
    return {
      values,
      errors: this.errors,
      key: keyOf,
      act: (element, block, value) =>
        act("click_view", { user: store.me, action_id: element.action_id, block_id: block.block_id, value: value ?? null }),
    };
  }

  async submit(view) {
    const values = this.values.get(view.id) ?? new Map();
    this.errors = missing(view, values);
    this.trouble = "";
    if (!Object.keys(this.errors).length) {
      const filled = Object.fromEntries([...values].filter(([, value]) => value !== "" && value !== null));
      const answer = await act("submit_view", { user: this.store.me, view_id: view.id, values: filled });
      const reply = answer?.reply;
      if (reply?.ok && reply.ack?.response_action === "errors") this.errors = reply.ack.errors ?? {};
      if (!reply?.ok) this.trouble = "We had some trouble connecting. Try again?";
    }
    this.render();
  }

  async close() {
    const view = this.store.views.at(-1);
    this.errors = {};
    this.trouble = "";
    if (view) await act("close_view", { user: this.store.me, view_id: view.id });
  }
}

/** Inputs are told apart by their block; other elements by their own id. */
const keyOf = (block, element) => (block.type === "input" ? block.block_id : element.action_id);

/** What Slack's client itself asks for before it submits. */
function missing(view, values) {
  const errors = {};
  for (const block of view.blocks) {
    if (block.type !== "input") continue;
    const { element } = block;
    const value = values.get(block.block_id) ?? initial(element);
    const empty = value === undefined || value === null || value.length === 0 || String(value).trim() === "";
    if (empty && !block.optional) errors[block.block_id] = "Please complete this required field.";
    else if (!empty && element.min_length && value.length < element.min_length) {
      errors[block.block_id] = `Please enter at least ${element.min_length} characters.`;
    }
  }
  return errors;
}

function initial(element) {
  const name = Object.keys(element).find((key) => key.startsWith("initial_"));
  return name ? element[name] : undefined;
}
