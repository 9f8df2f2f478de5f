/** A message of one's own while it is edited, in its place in the list. */

import { act } from "./api.js";
import { h } from "./dom.js";
import { editable } from "./mrkdwn.js";
import { remove } from "./message_menu.js";
import { avatar } from "./names.js";
import { toTokens } from "./typing.js";

export function editor(message, context, stop) {
  const { store, channel } = context;
  const before = editable(message.text ?? "", store);
  const area = h("textarea", { "aria-label": "Edit message", rows: 1 });
  area.value = before;
  const fit = () => {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight + 2, 240)}px`;
  };
  area.addEventListener("input", fit);
  queueMicrotask(fit);
  const save = async () => {
    const text = area.value.trim();
    if (!text) return remove(message, context);
    if (text !== before) await act("edit", { user: store.me, channel, ts: message.ts, text: toTokens(text, store) });
    return stop();
  };
  area.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") stop();
    else if (event.key === "Enter" && !event.shiftKey) save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return h(
    "li",
    { class: "message editing", data: { ts: message.ts } },
    h("div", { class: "gutter" }, avatar(store, message.user)),
    h(
      "div",
      { class: "main editor" },
      area,
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", class: "block-button", onclick: stop }, "Cancel"),
        h("button", { type: "button", class: "block-button primary", onclick: save }, "Save"),
      ),
    ),
  );
}
