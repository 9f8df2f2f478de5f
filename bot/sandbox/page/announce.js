/** Words for screen readers as things happen, and short messages that everybody sees. */

import { $, h } from "./dom.js";

/** Said by screen readers when they are done with what they are saying. */
export function announce(text) {
  const region = $("announcer");
  const line = h("div", {}, text);
  region.append(line);
  while (region.childElementCount > 5) region.firstElementChild.remove();
}

/** Seen at the foot of the page for a while, and said at once. */
export function toast(text) {
  const line = h("div", { class: "toast" }, text);
  $("toasts").append(line);
  setTimeout(() => line.remove(), 7000);
}
