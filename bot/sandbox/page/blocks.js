/** Block Kit, as far as Casewire and its modals use it; of anything else the text is shown. */

import { h } from "./dom.js";
import { inputBlock, interactive } from "./elements.js";
import { emojiNodes } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { link } from "./references.js";
import { richText } from "./rich_text.js";

/** `surface` says what a click does and where inputs keep their values; see `elements.js`. */
export function blocks(given, store, surface) {
  return (given ?? []).map((block) => h("div", { class: `block ${block.type}` }, blockOf(block, store, surface)));
}

function blockOf(block, store, surface) {
  switch (block.type) {
    case "header":
      return h("h3", {}, textOf(block.text, store));
    case "section":
      return section(block, store, surface);
    case "context":
      return (block.elements ?? []).map((element) =>
        element.type === "image" ? image(element) : h("span", {}, textOf(element, store)),
      );
    case "rich_text":
      return richText(block, store);
    case "actions":
      return (block.elements ?? []).map((element) => interactive(element, block, store, surface));
    case "divider":
      return h("hr");
    case "input":
      return inputBlock(block, store, surface);
    case "markdown":
      return h("p", {}, block.text);
    case "image":
      return image(block, store);
    default:
      return h("p", { class: "quiet" }, `[${block.type}]`);
  }
}

function section(block, store, surface) {
  const parts = [];
  if (block.text) parts.push(h("p", {}, textOf(block.text, store)));
  if (block.fields) parts.push(h("div", { class: "fields" }, block.fields.map((field) => h("p", {}, textOf(field, store)))));
  if (!block.accessory) return parts;
  return h("div", { class: "with-accessory" }, h("div", {}, parts), interactive(block.accessory, block, store, surface));
}

/** Pictures of others are not loaded: nothing leaves this machine. */
function image(given, store) {
  return given.image_url ? link(given.image_url, given.alt_text, store) : given.alt_text;
}

export function textOf(text, store) {
  if (!text) return [];
  if (text.type === "mrkdwn") return mrkdwn(text.text, store);
  return text.emoji === false ? [text.text] : emojiNodes(text.text);
}
