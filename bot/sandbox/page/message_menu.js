/** What can be done with a message: reactions, shortcuts of the app, copying, editing, deleting. */

import { act, failureOf } from "./api.js";
import { announce, toast } from "./announce.js";
import { ask } from "./confirm.js";
import { h } from "./dom.js";
import { emojiNode, offered } from "./emoji.js";
import { openMenu, openPopover } from "./popover.js";
import { toMessage } from "./route.js";

export function messageMenu(button, message, context) {
  const { store, channel } = context;
  const mine = message.user === store.me;
  const admin = store.people.get(store.me)?.role === "admin";
  const shortcuts = Object.entries(store.hello?.shortcuts ?? {}).map(([id, title]) => ({
    label: title,
    hint: "Casewire",
    run: () => shortcut(id, title, message, context),
  }));
  openMenu(button, "Message", [
    { label: "Copy link", run: () => copyLink(channel, message) },
    mine && { label: "Edit message", run: () => context.edit(message) },
    ...shortcuts,
    (mine || admin) && { label: "Delete message…", danger: true, run: () => remove(message, context) },
  ].filter(Boolean));
}

async function shortcut(id, title, message, { store, channel }) {
  const answer = await act("shortcut", { user: store.me, callback_id: id, channel, ts: message.ts });
  const failed = failureOf(answer?.reply, `“${title}”`);
  if (failed) store.notice(channel, failed, message.thread_ts);
}

async function copyLink(channel, message) {
  const address = new URL(toMessage(channel, message), location.href).href;
  try {
    await navigator.clipboard.writeText(address);
    announce("Link copied");
    toast("Link copied.");
  } catch {
    toast(address);
  }
}

export async function remove(message, { store, channel }) {
  const yes = await ask({
    title: "Delete message",
    text: "Are you sure you want to delete this message? This cannot be undone.",
    yes: "Delete",
    danger: true,
  });
  if (yes) await act("delete", { user: store.me, channel, ts: message.ts });
}

export function pickReaction(button, message, { store, channel }) {
  const react = async (name) => {
    close();
    const mine = message.reactions?.find((reaction) => reaction.name === name)?.users.includes(store.me);
    await act(mine ? "unreact" : "react", { user: store.me, channel, ts: message.ts, name });
  };
  const typed = h("input", { type: "text", placeholder: "or its name, then Enter", "aria-label": "Name of an emoji", autocomplete: "off" });
  typed.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // or the button that gets the focus back is pressed by the same key
    const name = typed.value.trim().replaceAll(":", "");
    if (/^[a-z0-9_+'-]+$/.test(name)) react(name);
  });
  const grid = h("div", { class: "emoji-grid" }, offered().map((name) =>
    h("button", { type: "button", class: "emoji", title: `:${name}:`, "aria-label": name.replaceAll("_", " "), onclick: () => react(name) }, emojiNode(name)),
  ));
  const close = openPopover(button, "Add a reaction", grid, typed);
}
