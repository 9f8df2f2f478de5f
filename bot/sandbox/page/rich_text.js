/** rich_text blocks: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block */

import { h } from "./dom.js";
import { emojiNode } from "./emoji.js";
import { broadcastMention, channelMention, link, usergroupMention, userMention } from "./references.js";

export function richText(block, store) {
  const out = h("div", { class: "rich" });
  const lists = []; // the open lists, outermost first
  for (const part of block.elements ?? []) {
    if (part.type === "rich_text_list") {
      nest(out, lists, part, store);
      continue;
    }
    lists.length = 0;
    out.append(section(part, store));
  }
  return out;
}

function section(part, store) {
  const leaves = (part.elements ?? []).map((leaf) => leafOf(leaf, store));
  switch (part.type) {
    case "rich_text_quote":
      return h("blockquote", {}, leaves);
    case "rich_text_preformatted":
      return h("pre", {}, leaves);
    default:
      return h("p", {}, leaves);
  }
}

function nest(out, lists, part, store) {
  const depth = part.indent ?? 0;
  lists.length = Math.min(lists.length, depth);
  const parent = lists.at(-1)?.lastElementChild ?? out;
  const start = part.offset ? { start: part.offset + 1 } : {};
  const list = h(part.style === "ordered" ? "ol" : "ul", start);
  for (const item of part.elements ?? []) list.append(h("li", {}, (item.elements ?? []).map((leaf) => leafOf(leaf, store))));
  parent.append(list);
  lists[depth] = list;
}

function leafOf(leaf, store) {
  switch (leaf.type) {
    case "text":
      return styled(lined(leaf.text), leaf.style);
    case "link":
      return styled([link(leaf.url, leaf.text ?? "", store)], leaf.style);
    case "user":
      return userMention(leaf.user_id, store);
    case "channel":
      return channelMention(leaf.channel_id, store);
    case "usergroup":
      return usergroupMention("@group");
    case "broadcast":
      return broadcastMention(leaf.range);
    case "emoji":
      return h("span", { class: "emoji", title: `:${leaf.name}:` }, emojiNode(leaf.name));
    case "date":
      return leaf.fallback ?? new Date(leaf.timestamp * 1000).toUTCString();
    default:
      return leaf.text ?? "";
  }
}

/** Line breaks are kept by `white-space: pre-wrap`. */
const lined = (text) => [text];

const TAGS = { bold: "strong", italic: "em", strike: "s", code: "code" };

function styled(nodes, style = {}) {
  for (const [name, tag] of Object.entries(TAGS)) if (style[name]) nodes = [h(tag, {}, nodes)];
  return nodes;
}
