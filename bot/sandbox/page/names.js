/** How people and conversations are called and drawn. */

import { h, icon } from "./dom.js";

const COLOURS = 7;

export function nameOf(store, user) {
  if (user === "USLACKBOT") return "Slackbot";
  return store.people.get(user)?.real_name ?? user ?? "somebody";
}

export function authorOf(store, message) {
  return message.username || nameOf(store, message.user);
}

export const isApp = (message) => Boolean(message.bot_id) || message.user === "USLACKBOT";

export function channelName(store, id) {
  const channel = store.channels.get(id);
  if (!channel) return "a channel you are not in";
  return channel.kind === "im" ? "Casewire" : channel.name;
}

/** With its sign, as in a label. */
export function channelTitle(store, id) {
  return store.channels.get(id)?.kind === "im" ? "Casewire" : `#${channelName(store, id)}`;
}

export function channelSign(channel) {
  return icon(channel.kind === "private" ? "lock" : "hash");
}

export const roleWords = { customer: "Customer", admin: "Admin", bystander: "Bystander", bot: "App" };

/** A square with initials; the app has its mark. `custom` is the author's name of a post under another name. */
export function avatar(store, user, custom = null) {
  const person = store.people.get(user);
  if (user === "USLACKBOT" || (person?.is_bot && !custom)) {
    const mark = user === "USLACKBOT" ? "S" : h("img", { src: "/page/icon.svg", alt: "" });
    return h("span", { class: "avatar app", "aria-hidden": "true" }, mark);
  }
  const name = custom ?? person?.real_name ?? "?";
  const letters = name.replace(/\(.*\)/, "").trim().split(/\s+/).map((word) => [...word][0]);
  const initials = (letters[0] ?? "?") + (letters.length > 1 ? letters.at(-1) : "");
  let sum = 0;
  for (const char of name.replace(/ \(customer\)$/, "")) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return h("span", { class: `avatar hue-${sum % COLOURS}`, "aria-hidden": "true" }, initials.toUpperCase());
}
