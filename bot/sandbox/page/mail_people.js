/** How the people of mails are called and drawn. */

import { h } from "./dom.js";

const COLOURS = 7;

export const personName = (one) => one?.name || one?.address || "nobody";

export function withAddress(one) {
  if (!one) return "nobody";
  return one.name ? `${one.name} <${one.address}>` : one.address;
}

/** A square with the initials of a name or an address. */
export function letterAvatar(one) {
  const name = personName(one);
  const words = name.replace(/@.*/, "").split(/[\s._-]+/).filter(Boolean).map((word) => [...word][0]);
  const initials = (words[0] ?? "?") + (words.length > 1 ? words.at(-1) : "");
  let sum = 0;
  for (const char of name) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return h("span", { class: `avatar hue-${sum % COLOURS}`, "aria-hidden": "true" }, initials.toUpperCase());
}
