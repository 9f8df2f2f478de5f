/** The bar at the top: what this is, and the page's own switches. */

import { $, h, icon, iconButton, replace } from "./dom.js";

const THEME_KEY = "casewire-theme";
const THEMES = ["auto", "light", "dark"];
const KEYS = [
  ["F6", "the next part of the page: conversations, messages, message box, thread, backstage"],
  ["↑ ↓ Home End", "among messages and among conversations"],
  ["Enter", "on a message: its thread. In the message box: send"],
  ["Shift + Enter", "a new line"],
  ["↑", "in an empty message box: edit your last message"],
  ["e, r, m", "on a message: edit, react, more"],
  ["@ and /", "in the message box: people and commands"],
  ["Esc", "closes thread, menu, dialog, backstage"],
  ["Ctrl + .", "backstage"],
];

export function buildTop({ onPanel }) {
  const theme = h("button", { type: "button", class: "top-button", onclick: () => setTheme(THEMES[(THEMES.indexOf(themeNow()) + 1) % 3]) });
  const setTheme = (name) => {
    localStorage.setItem(THEME_KEY, name);
    document.documentElement.dataset.theme = name;
    replace(theme, icon("theme"), h("span", {}, `Theme: ${name}`));
    theme.setAttribute("aria-label", `Theme: ${name}. Change it`);
  };
  replace(
    $("top"),
    iconButton("menu", "Conversations", () => document.body.classList.toggle("with-sidebar"), { id: "sidebar-button" }),
    h("img", { class: "mark", src: "/page/icon.svg", alt: "" }),
    h("span", { class: "title" }, "Casewire sandbox"),
    h("span", { class: "quiet tagline" }, "a Slack of your own, on this machine only"),
    h("span", { class: "grow" }),
    h("button", { type: "button", class: "top-button", onclick: showKeys }, h("span", {}, "Keys")),
    theme,
    h("button", { type: "button", class: "top-button", id: "panel-button", "aria-expanded": "false", "aria-controls": "panel", onclick: onPanel },
      icon("gauge"), h("span", {}, "Backstage")),
  );
  setTheme(themeNow());
}

const themeNow = () => (THEMES.includes(localStorage.getItem(THEME_KEY)) ? localStorage.getItem(THEME_KEY) : "auto");

function showKeys() {
  const before = document.activeElement;
  const dialog = h(
    "dialog",
    { class: "ask", "aria-labelledby": "keys-title" },
    h("h2", { id: "keys-title" }, "Without a mouse"),
    h("dl", { class: "keys" }, KEYS.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "block-button primary", onclick: () => dialog.close() }, "Close")),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
}
