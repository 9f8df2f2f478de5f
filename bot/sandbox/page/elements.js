/** Interactive elements, in messages, in modals and in the Home tab.
 *
 * A `surface` has `act(element, block, value)`, called for a click or a choice; in a modal also
 * `values`, a Map of key to current value, and `errors`, by block id. `key(block, element)` names an input.
 */

import { confirmed } from "./confirm.js";
import { h, icon, newId } from "./dom.js";
import { textOf } from "./blocks.js";
import { routeOf } from "./references.js";

export function interactive(element, block, store, surface) {
  switch (element.type) {
    case "button":
      return button(element, block, store, surface);
    case "overflow":
      return overflow(element, block, store, surface);
    case "image":
      return h("span", { class: "quiet" }, element.alt_text);
    default:
      return field(element, block, store, surface, element["aria-label"] ?? words(element.placeholder) ?? element.type);
  }
}

function button(element, block, store, surface) {
  const act = async () => {
    if (element.confirm && !(await confirmed(element.confirm, store))) return;
    await surface.act(element, block, element.value);
  };
  const label = element.accessibility_label ?? null;
  const style = `block-button ${element.style ?? ""}`;
  const shared = { class: style, "aria-label": label, data: { focus: `${block.block_id}/${element.action_id}` } };
  const text = textOf(element.text, store);
  if (!element.url) return h("button", { type: "button", ...shared, onclick: act }, text);
  const inside = routeOf(element.url, store);
  const outside = { target: "_blank", rel: "noopener noreferrer" };
  return h("a", { ...shared, href: inside ?? element.url, ...(inside ? {} : outside), onclick: act }, text);
}

function overflow(element, block, store, surface) {
  const select = h("select", { class: "block-select", "aria-label": "More actions" }, h("option", { value: "" }, "⋯"));
  for (const option of element.options) select.append(h("option", { value: option.value }, words(option.text)));
  select.addEventListener("change", async () => {
    const chosen = select.value;
    select.value = "";
    if (element.confirm && !(await confirmed(element.confirm, store))) return;
    await surface.act(element, block, chosen);
  });
  return select;
}

export function inputBlock(block, store, surface) {
  const label = words(block.label);
  const error = surface.errors?.[block.block_id];
  const errorId = newId("error");
  const made = field(block.element, block, store, surface, label, error ? errorId : null);
  const optional = block.optional ? h("span", { class: "quiet" }, " (optional)") : null;
  const grouped = made.tagName === "FIELDSET";
  const caption = grouped ? made.firstElementChild : h("label", { for: made.id }, label, optional);
  if (grouped && optional) caption.append(optional);
  return h(
    "div",
    { class: `field${error ? " wrong" : ""}` },
    grouped ? null : caption,
    made,
    block.hint ? h("p", { class: "hint" }, words(block.hint)) : null,
    error ? h("p", { class: "error", id: errorId, role: "alert" }, icon("more"), error) : null,
  );
}

const words = (text) => text?.text;
const TYPES = {
  number_input: "number", email_text_input: "email", url_text_input: "url",
  datepicker: "date", timepicker: "time", datetimepicker: "datetime-local",
};
const INITIAL_DATE = { datepicker: "initial_date", timepicker: "initial_time" };

/** The control of an element that has a value. */
function field(element, block, store, surface, label, errorId = null) {
  const keep = (value) => {
    if (surface.values) surface.values.set(surface.key(block, element), value);
    const acts = block.type !== "input" || block.dispatch_action;
    if (acts && element.type !== "plain_text_input") surface.act(element, block, value);
  };
  const known = surface.values?.get(surface.key(block, element));
  const shared = {
    id: newId("field"),
    "aria-label": block.type === "input" ? null : label,
    "aria-describedby": errorId,
    "aria-invalid": errorId ? "true" : null,
    "aria-required": block.type === "input" && !block.optional ? "true" : null,
    data: { focus: `${block.block_id}/${element.action_id}` },
  };
  switch (element.type) {
    case "checkboxes":
    case "radio_buttons":
      return choices(element, known, keep, label, store, shared);
    case "static_select":
    case "multi_static_select":
    case "external_select":
    case "multi_external_select":
      return select(element, optionsOf(element), known, keep, shared);
    case "users_select":
    case "multi_users_select":
      return select(element, peopleOf(store), known, keep, shared);
    case "conversations_select":
    case "channels_select":
    case "multi_conversations_select":
    case "multi_channels_select":
      return select(element, channelsOf(store), known, keep, shared);
    default:
      return textual(element, known, keep, shared);
  }
}

function textual(element, known, keep, shared) {
  const initial = known ?? element.initial_value ?? element[INITIAL_DATE[element.type]] ?? "";
  const limits = { placeholder: words(element.placeholder) ?? null, maxlength: element.max_length ?? null };
  const made = element.multiline
    ? h("textarea", { ...shared, ...limits, rows: 5 })
    : h("input", { ...shared, ...limits, type: TYPES[element.type] ?? "text", autocomplete: "off" });
  made.value = initial;
  made.addEventListener("input", () => keep(made.value));
  return made;
}

function select(element, options, known, keep, shared) {
  const multiple = element.type.startsWith("multi_");
  const initial = known ?? initialOf(element);
  const made = h("select", { ...shared, class: "block-select", multiple, size: multiple ? Math.min(6, Math.max(2, options.length)) : null });
  if (!multiple) made.append(h("option", { value: "" }, words(element.placeholder) ?? "Choose…"));
  const chosen = new Set([initial].flat());
  for (const option of options) {
    const group = option.group && ([...made.children].find((child) => child.label === option.group) ?? made.appendChild(h("optgroup", { label: option.group })));
    (group || made).append(h("option", { value: option.value, selected: chosen.has(option.value) }, option.label));
  }
  made.addEventListener("change", () => {
    const values = [...made.selectedOptions].map((option) => option.value);
    keep(multiple ? values : values[0] || null);
  });
  return made;
}

function initialOf(element) {
  if (element.initial_option) return element.initial_option.value;
  if (element.initial_options) return element.initial_options.map((option) => option.value);
  const name = Object.keys(element).find((key) => /^initial_(user|conversation|channel)s?$/.test(key));
  return name ? element[name] : null;
}

function optionsOf(element) {
  const plain = (element.options ?? []).map((option) => ({ value: option.value, label: words(option.text) }));
  const grouped = (element.option_groups ?? []).flatMap((group) =>
    group.options.map((option) => ({ value: option.value, label: words(option.text), group: words(group.label) })),
  );
  return [...plain, ...grouped];
}

const peopleOf = (store) =>
  [...store.people.values()]
    .filter((person) => !person.deleted)
    .map((person) => ({ value: person.id, label: person.is_bot ? `${person.real_name} (app)` : person.real_name }));

const channelsOf = (store) =>
  [...store.channels.values()]
    .filter((channel) => channel.kind !== "im")
    .map((channel) => ({ value: channel.id, label: `#${channel.name}` }));

function choices(element, known, keep, label, store, shared) {
  const several = element.type === "checkboxes";
  const chosen = new Set([known ?? initialOf(element) ?? []].flat());
  const name = newId("choice");
  const { id, "aria-label": _, ...rest } = shared;
  const box = h("fieldset", { ...rest, id }, h("legend", {}, label));
  for (const option of element.options) {
    const input = h("input", { type: several ? "checkbox" : "radio", name, value: option.value, checked: chosen.has(option.value) });
    input.addEventListener("change", () => {
      const values = [...box.querySelectorAll("input:checked")].map((one) => one.value);
      keep(several ? values : values[0]);
    });
    const description = option.description ? h("span", { class: "hint" }, words(option.description)) : null;
    box.append(h("label", { class: "choice" }, input, h("span", {}, textOf(option.text, store), description)));
  }
  return box;
}
