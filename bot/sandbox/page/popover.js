/** Small surfaces beside a button: menus and pickers. Escape and a click elsewhere close them. */

import { h, rove } from "./dom.js";

const GAP = 4;
let closeOpen = () => {};

/** Shows content beside a button with the focus in it; returns how to close it. */
export function openPopover(button, label, ...content) {
  return show(button, h("div", { class: "popover", role: "dialog", "aria-label": label, tabindex: "-1" }, content));
}

/** `items`: label, run, and optionally hint and danger. */
export function openMenu(button, label, items) {
  const entries = items.map((item) =>
    h(
      "button",
      {
        type: "button", role: "menuitem", tabindex: "-1", class: item.danger ? "danger" : null,
        onclick: () => {
          close();
          item.run();
        },
      },
      item.label,
      item.hint ? h("span", { class: "quiet" }, item.hint) : null,
    ),
  );
  const menu = h("div", { class: "popover menu", role: "menu", "aria-label": label }, entries);
  menu.addEventListener("keydown", (event) => rove(event, entries));
  const close = show(button, menu);
  return close;
}

function show(button, surface) {
  closeOpen();
  const from = { message: button.closest(".message"), list: button.closest(".messages") };
  const outside = (event) => {
    if (!surface.contains(event.target)) close();
  };
  const close = () => {
    if (!surface.isConnected) return;
    const inside = surface.contains(document.activeElement);
    surface.remove();
    document.removeEventListener("pointerdown", outside, true);
    button.removeAttribute("aria-expanded");
    closeOpen = () => {};
    if (inside) (button.isConnected ? button : (drawnAnew(from) ?? document.querySelector("main textarea")))?.focus();
    from.message?.classList.remove("busy"); // only now: what it shows could not take the focus without
  };
  surface.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" && !(event.key === "Tab" && surface.role === "menu")) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  });
  document.addEventListener("pointerdown", outside, true);
  button.setAttribute("aria-expanded", "true");
  from.message?.classList.add("busy");
  document.body.append(surface);
  place(surface, button.getBoundingClientRect());
  (surface.querySelector("button, input") ?? surface).focus();
  closeOpen = close;
  return close;
}

/** The message from which it was opened, if that was drawn anew meanwhile. */
function drawnAnew({ message, list }) {
  return message && list?.querySelector(`.message[data-ts="${CSS.escape(message.dataset.ts)}"]`);
}

function place(surface, at) {
  const { offsetWidth: width, offsetHeight: height } = surface;
  const below = at.bottom + GAP + height < innerHeight;
  surface.style.left = `${Math.max(GAP, Math.min(at.right - width, innerWidth - width - GAP))}px`;
  surface.style.top = `${below ? at.bottom + GAP : Math.max(GAP, at.top - height - GAP)}px`;
}
