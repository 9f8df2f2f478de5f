/** Slack's encoded text (mrkdwn) as nodes: https://docs.slack.dev/messaging/formatting-message-text */

import { h } from "./dom.js";
import { emojiNodes, withEmoji } from "./emoji.js";
import { channelMention, link, usergroupMention, userMention, broadcastMention } from "./references.js";

const decode = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

const PIECES = [
  { pattern: /<([^<>\n]+)>/, make: (match, store) => [reference(match[1], store)] },
  { pattern: /`([^`\n]+)`/, make: (match) => [h("code", {}, decode(match[1]))] },
  { pattern: styled("\\*"), make: (match, store) => [h("strong", {}, inline(match[1], store))] },
  { pattern: styled("_"), make: (match, store) => [h("em", {}, inline(match[1], store))] },
  { pattern: styled("~"), make: (match, store) => [h("s", {}, inline(match[1], store))] },
];

function styled(sign) {
  return new RegExp(`(?<![\\w*_~])${sign}(\\S(?:[^\\n]*?\\S)?)${sign}(?![\\w*_~])`);
}

/** The whole of a text: fenced code, quotes, lines. */
export function mrkdwn(text, store) {
  const nodes = [];
  for (const [index, part] of text.split(/```\n?/).entries()) {
    if (index % 2 === 1) nodes.push(h("pre", {}, decode(part.replace(/\n$/, ""))));
    else if (part) nodes.push(...lines(part, store));
  }
  return nodes;
}

function lines(text, store) {
  const nodes = [];
  let quote = null;
  for (const line of text.replace(/^\n|\n$/g, "").split("\n")) {
    if (line.startsWith("&gt;")) {
      quote ??= nodes[nodes.push(h("blockquote")) - 1];
      if (quote.childNodes.length) quote.append(h("br"));
      quote.append(...inline(line.slice(4).trimStart(), store));
      continue;
    }
    if (nodes.length && !quote) nodes.push(h("br"));
    quote = null;
    nodes.push(...inline(line, store));
  }
  return nodes;
}

function inline(text, store) {
  const nodes = [];
  while (text) {
    let first = null;
    for (const piece of PIECES) {
      const match = piece.pattern.exec(text);
      if (match && (!first || match.index < first.match.index)) first = { piece, match };
    }
    if (!first) break;
    const { piece, match } = first;
    if (match.index) nodes.push(...emojiNodes(decode(text.slice(0, match.index))));
    nodes.push(...piece.make(match, store));
    text = text.slice(match.index + match[0].length);
  }
  if (text) nodes.push(...emojiNodes(decode(text)));
  return nodes;
}

function reference(token, store) {
  const bar = token.indexOf("|");
  const target = bar < 0 ? token : token.slice(0, bar);
  const label = bar < 0 ? "" : decode(token.slice(bar + 1));
  if (target.startsWith("@")) return userMention(target.slice(1), store);
  if (target.startsWith("#")) return channelMention(target.slice(1), store);
  if (target.startsWith("!subteam^")) return usergroupMention(label || "@group");
  if (target.startsWith("!date^")) return label || target;
  if (target.startsWith("!")) return broadcastMention(target.slice(1));
  return link(decode(target), label, store);
}

/** What a person would see in the editor: mentions by name, links bare. */
export function editable(text, store) {
  const plain = text.replace(/<([^<>\n]+)>/g, (whole, token) => {
    const [target] = token.split("|");
    if (target.startsWith("@")) return `@${store.people.get(target.slice(1))?.real_name ?? target.slice(1)}`;
    if (target.startsWith("#") || target.startsWith("!")) return whole;
    return target.replace(/^mailto:/, "");
  });
  return decode(plain);
}

/** In one line, without any form: for labels and excerpts. */
export function plain(text, store) {
  const words = text.replace(/<([^<>\n]+)>/g, (_, token) => {
    const [target, label] = token.split("|");
    if (target.startsWith("@")) return `@${store.people.get(target.slice(1))?.real_name ?? target.slice(1)}`;
    if (target.startsWith("#")) return `#${store.channels.get(target.slice(1))?.name ?? "channel"}`;
    if (target.startsWith("!")) return label || `@${target.slice(1)}`;
    return label || target;
  });
  return withEmoji(decode(words)).replace(/\s+/g, " ").trim();
}
