/** Dialogs that ask a question: Block Kit's confirm, and our own. */

import { h } from "./dom.js";
import { textOf } from "./blocks.js";

/** Block Kit's confirmation dialog; true if confirmed. */
export function confirmed(confirm, store) {
  return ask({
    title: textOf(confirm.title, store),
    text: textOf(confirm.text, store),
    yes: confirm.confirm?.text ?? "Yes",
    no: confirm.deny?.text ?? "Cancel",
    danger: confirm.style === "danger",
  });
}

/** Asks and waits; Escape and the no-button mean no. */
export function ask({ title, text, yes, no = "Cancel", danger = false }) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const dialog = h(
      "dialog",
      { class: "ask", "aria-labelledby": "ask-title", "aria-describedby": "ask-text" },
      h("h2", { id: "ask-title" }, title),
      h("p", { id: "ask-text" }, text),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", class: "block-button", onclick: () => dialog.close("") }, no),
        h("button", { type: "button", class: `block-button ${danger ? "danger" : "primary"}`, onclick: () => dialog.close("yes") }, yes),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus?.();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("button:last-of-type").focus();
  });
}
