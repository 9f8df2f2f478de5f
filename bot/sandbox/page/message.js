/** One message in a list. */

import { act, failureOf } from "./api.js";
import { blocks } from "./blocks.js";
import { h, icon, iconButton } from "./dom.js";
import { emojiNode } from "./emoji.js";
import { messageMenu, pickReaction } from "./message_menu.js";
import { mrkdwn, plain } from "./mrkdwn.js";
import { authorOf, avatar, channelTitle, isApp, nameOf } from "./names.js";
import { go, toMessage, toThread } from "./route.js";
import { clock, full, seconds, size } from "./time.js";

const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const EXCERPT = 90;

/** `context`: store, channel, inThread, compact, unread (in its thread), edit (starts editing). */
export function messageItem(message, context) {
  const { store, channel, compact } = context;
  const gone = message.subtype === "tombstone";
  const custom = message.username ?? null;
  const item = h(
    "li",
    {
      class: ["message", compact && "compact", message.is_ephemeral && "ephemeral", gone && "gone"].filter(Boolean).join(" "),
      tabindex: "-1",
      data: { ts: message.ts },
      "aria-label": labelOf(message, context),
    },
    h("div", { class: "gutter" }, compact ? h("span", { class: "time" }, clock(seconds(message.ts))) : avatar(store, message.user, custom)),
    h(
      "div",
      { class: "main" },
      message.is_ephemeral ? onlyYou(message, context) : null,
      message.subtype === "thread_broadcast" ? broadcastLine(message, context) : null,
      compact ? null : head(message, context),
      h("div", { class: "body" }, body(message, context), message.edited ? h("span", { class: "edited" }, "(edited)") : null),
      files(message),
      reactions(message, context),
      context.inThread ? null : replies(message, context),
    ),
    gone || message.is_ephemeral ? null : tools(message, context),
  );
  item.addEventListener("keydown", (event) => keys(event, item, message, context));
  return item;

  function head() {
    return h(
      "div",
      { class: "meta" },
      h("span", { class: "author" }, gone ? "" : authorOf(store, message)),
      isApp(message) && !gone ? h("span", { class: "badge" }, "APP") : null,
      h("a", { class: "time", href: toMessage(channel, message), title: full(seconds(message.ts)) }, clock(seconds(message.ts))),
    );
  }
}

function body(message, context) {
  const { store } = context;
  if (message.subtype === "tombstone") return h("p", { class: "quiet" }, "This message was deleted.");
  const surface = { act: (element, block, value) => click(message, element, block, value, context) };
  if (message.blocks?.length) return blocks(message.blocks, store, surface);
  if (message.subtype === "channel_join" || message.subtype === "channel_leave") {
    return h("p", { class: "quiet" }, message.subtype === "channel_join" ? "joined the channel" : "left the channel");
  }
  return message.text ? h("p", {}, mrkdwn(message.text, store)) : null;
}

async function click(message, element, block, value, { store, channel }) {
  const answer = await act("click", {
    user: store.me, channel, ts: message.ts, action_id: element.action_id, block_id: block.block_id, value: value ?? null,
  });
  const failed = failureOf(answer?.reply, "That button");
  if (failed) store.notice(channel, failed, message.thread_ts);
}

function onlyYou(message, { store }) {
  const dismiss = () => (message.local ? store.dropNotice(message.ts) : act("dismiss", { user: store.me, ts: message.ts }));
  return h(
    "div",
    { class: "only-you" },
    icon("smile"),
    h("span", {}, "Only visible to you"),
    h("button", { type: "button", class: "text-button", onclick: dismiss }, "Dismiss"),
  );
}

function broadcastLine(message, { store, channel, inThread }) {
  if (inThread) return h("div", { class: "broadcast" }, `also sent to ${channelTitle(store, channel)}`);
  const root = store.message(channel, message.thread_ts) ?? message.root;
  const words = root ? plain((root.text ?? "").split("\n")[0], store) : "";
  const excerpt = words.length > EXCERPT ? `${words.slice(0, EXCERPT)}…` : words;
  return h(
    "div",
    { class: "broadcast" },
    "replied to a thread: ",
    h("a", { href: toThread(channel, message.thread_ts, message.ts) }, excerpt || "the thread"),
  );
}

function files(message) {
  const given = message.files ?? [];
  if (!given.length) return null;
  return h("ul", { class: "files", "aria-label": "Files" }, given.map((file) => {
    if (file.mode === "tombstone") return h("li", { class: "file quiet" }, "This file was deleted.");
    const address = `/sandbox/file/${encodeURIComponent(file.id)}/${encodeURIComponent(file.name)}`;
    const picture = IMAGES.has(file.mimetype) && file.size < 5e6 ? h("img", { src: address, alt: "", loading: "lazy" }) : null;
    return h(
      "li",
      { class: "file" },
      picture ?? h("span", { class: "file-icon" }, icon("file")),
      h("span", { class: "file-name" }, h("strong", {}, file.title || file.name), h("span", { class: "quiet" }, `${file.pretty_type ?? "File"}, ${size(file.size)}`)),
      h("a", { class: "icon-button", href: address, download: file.name, title: "Download", "aria-label": `Download ${file.name}` }, icon("down")),
    );
  }));
}

function reactions(message, context) {
  const { store, channel } = context;
  if (!message.reactions?.length) return null;
  return h("div", { class: "reactions", role: "group", "aria-label": "Reactions" }, message.reactions.map((reaction) => {
    const mine = reaction.users.includes(store.me);
    const who = reaction.users.map((user) => nameOf(store, user)).join(", ");
    const said = `${who} reacted with :${reaction.name}:`;
    return h(
      "button",
      {
        type: "button", class: `reaction${mine ? " mine" : ""}`, title: said, "aria-pressed": String(mine),
        "aria-label": `${said}. ${mine ? "Take yours back" : "Add yours"}`, data: { focus: `reaction/${reaction.name}` },
        onclick: () => act(mine ? "unreact" : "react", { user: store.me, channel, ts: message.ts, name: reaction.name }),
      },
      h("span", { class: "emoji" }, emojiNode(reaction.name)),
      h("span", {}, String(reaction.users.length)),
    );
  }));
}

function replies(message, { store, channel, unread }) {
  if (!message.reply_count) return null;
  const count = `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`;
  return h(
    "a",
    { class: "replies", href: toThread(channel, message.ts), data: { focus: "replies" } },
    (message.reply_users ?? []).slice(0, 4).map((user) => avatar(store, user)),
    h("span", { class: "count" }, count),
    unread ? h("span", { class: "pill" }, `${unread} new`) : null,
    h("span", { class: "quiet" }, `Last reply ${clock(seconds(message.latest_reply))}`),
  );
}

function tools(message, context) {
  const { channel, inThread } = context;
  const root = message.thread_ts ?? message.ts;
  return h(
    "div",
    { class: "tools", role: "toolbar", "aria-label": "Message actions" },
    iconButton("smile", "Add a reaction", (event) => pickReaction(event.currentTarget, message, context)),
    inThread ? null : iconButton("thread", "Reply in thread", () => go(toThread(channel, root))),
    iconButton("more", "More actions", (event) => messageMenu(event.currentTarget, message, context), { "aria-haspopup": "menu" }),
  );
}

/** Enter opens the thread, e edits, r reacts, m opens the menu; only on the message itself. */
function keys(event, item, message, context) {
  if (event.target !== item || event.ctrlKey || event.metaKey || event.altKey) return;
  const buttons = item.querySelectorAll(".tools button");
  if (event.key === "Enter" && !context.inThread && !message.is_ephemeral) go(toThread(context.channel, message.thread_ts ?? message.ts));
  else if (event.key === "e" && message.user === context.store.me) context.edit(message);
  else if (event.key === "r" && buttons.length) buttons[0].click();
  else if (event.key === "m" && buttons.length) buttons[buttons.length - 1].click();
  else return;
  event.preventDefault();
}

/** Everything a screen reader needs to know of a message, in one breath. */
function labelOf(message, { store, unread }) {
  const parts = [
    message.is_ephemeral ? "Only visible to you" : null,
    message.subtype === "tombstone" ? null : authorOf(store, message) + (isApp(message) ? ", app" : ""),
    clock(seconds(message.ts)),
    plain(message.text ?? "", store) || null,
    message.files?.length ? `${message.files.length} files` : null,
    message.edited ? "edited" : null,
    message.reply_count ? `${message.reply_count} replies${unread ? `, ${unread} new` : ""}` : null,
    ...(message.reactions ?? []).map((reaction) => `${reaction.users.length} ${reaction.name.replaceAll("_", " ")}`),
  ];
  return parts.filter(Boolean).join(", ");
}
