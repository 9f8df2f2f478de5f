/** Mentions and links. A link into this workspace is opened in this page. */

import { h } from "./dom.js";
import { nameOf } from "./names.js";

export function userMention(id, store) {
  const mine = id === store.me ? " me" : "";
  return h("span", { class: `mention${mine}` }, `@${nameOf(store, id)}`);
}

export function channelMention(id, store) {
  const channel = store.channels.get(id);
  if (!channel) return h("span", { class: "mention" }, "#a private channel");
  return h("a", { class: "mention", href: `#/${id}` }, `#${channel.name}`);
}

export const usergroupMention = (label) => h("span", { class: "mention" }, label);

export const broadcastMention = (range) => h("span", { class: "mention me" }, `@${range}`);

/** Only what leads to the web or to a mailbox becomes a link; anything else stays text. */
export function link(url, label, store) {
  const inside = routeOf(url, store);
  if (inside) return h("a", { href: inside }, label || url);
  if (!/^(https?:\/\/|mailto:)/i.test(url)) return label || url;
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label || url.replace(/^mailto:/i, ""));
}

const PERMALINK = /^https:\/\/([\w-]+)\.slack\.com\/archives\/([A-Z0-9]+)\/p(\d+)(\d{6})(?:\?(.*))?$/;

/** Where a permalink of this workspace leads in this page; null for any other address. */
export function routeOf(url, store) {
  const found = PERMALINK.exec(url);
  if (!found || found[1] !== store.hello?.domain) return null;
  const [, , channel, whole, micros, query] = found;
  const ts = `${whole}.${micros}`;
  const thread = new URLSearchParams(query ?? "").get("thread_ts");
  return thread ? `#/${channel}/${thread}/${ts}` : `#/${channel}/${ts}`;
}
