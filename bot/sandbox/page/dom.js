/** Making elements. Text only ever becomes text nodes: nothing in this page makes HTML out of strings. */

/**
 * h("button", { class: "primary", onclick: f, "aria-label": "Send" }, "Send")
 * Handlers are `on…` functions; `data` is the dataset; null and false leave an attribute out.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else if (name === "checked" || name === "disabled" || name === "selected") element[name] = Boolean(value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child);
  }
}

export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

export const $ = (id) => document.getElementById(id);

let ids = 0;
export const newId = (prefix) => `${prefix}-${++ids}`;

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  hash: "M6 2 5 14M11 2 10 14M2.5 5.5h12M1.5 10.5h12",
  lock: "M4 7h8v7H4zM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
  thread: "M2 3h12v8H7l-3 3v-3H2zM5 6h6M5 8.5h4",
  smile: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M5.5 9.5c1 2 4 2 5 0M6 6v.5M10 6v.5",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  clip: "M12.5 7 7.6 12a3 3 0 0 1-4.2-4.2l5.3-5.3a2 2 0 0 1 2.9 2.9L6.3 10.6a1 1 0 0 1-1.4-1.4L9.5 4.5",
  send: "M2 2.5 14 8 2 13.5 4 8zM4 8h5",
  file: "M4 1.5h5l3 3v10H4zM9 1.5v3h3",
  down: "M8 2.5v8M4.5 7.5 8 11l3.5-3.5M3 13.5h10",
  theme: "M8 1.5a6.5 6.5 0 1 0 0 13zM8 1.5a6.5 6.5 0 0 1 0 13",
  menu: "M2 4h12M2 8h12M2 12h12",
  gauge: "M2 12a6 6 0 1 1 12 0M8 12l3-4",
  mail: "M1.5 3.5h13v9h-13zM1.5 4.5 8 9l6.5-4.5",
  back: "M9.5 3 4.5 8l5 5",
  home: "M2 7.5 8 2l6 5.5V14h-4v-4H6v4H2z",
};

/** A line drawing of 16 by 16 that screen readers pass over. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A coloured drawing of 24 by 24 in place of a character: pairs of colour and outline. With a label in text. */
export function drawing(shapes, label = null) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  if (label) svg.setAttribute("role", "img");
  svg.setAttribute(label ? "aria-label" : "aria-hidden", label ?? "true");
  svg.setAttribute("class", "drawn");
  for (const [colour, outline] of shapes) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("fill", colour);
    path.setAttribute("d", outline);
    svg.append(path);
  }
  return svg;
}

/** A button that shows only a drawing, with its name for everybody else. */
export function iconButton(name, label, onclick, props = {}) {
  return h("button", { type: "button", class: "icon-button", title: label, "aria-label": label, onclick, ...props }, icon(name));
}

/** Up and Down (or Left and Right) move the focus among the items of a list that is one Tab stop. */
export function rove(event, items, { previous = "ArrowUp", next = "ArrowDown" } = {}) {
  const at = items.indexOf(document.activeElement);
  const moves = { [previous]: at - 1, [next]: at + 1, Home: 0, End: items.length - 1 };
  if (!(event.key in moves) || items.length === 0) return false;
  event.preventDefault();
  const to = items[Math.max(0, Math.min(items.length - 1, at < 0 ? items.length - 1 : moves[event.key]))];
  for (const item of items) item.tabIndex = item === to ? 0 : -1;
  to.focus();
  return true;
}
