/** Who are you in this tab? */

import { h } from "./dom.js";
import { avatar, roleWords } from "./names.js";

const ORDER = ["customer", "admin", "bystander"];
const ABOUT = {
  customer: "Writes to the app and waits for answers",
  admin: "Answers in the support channel",
  bystander: "Reads along in the channel, may not answer",
};

let dialog = null;

/** Asks until somebody is chosen; with `escapable` the tab's present person may stay. */
export function choose(store, onChosen, escapable) {
  if (dialog) return;
  const people = [...store.people.values()].filter((person) => !person.is_bot && !person.deleted);
  people.sort((a, b) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role));
  dialog = h(
    "dialog",
    { class: "chooser", "aria-labelledby": "chooser-title" },
    h("h1", { id: "chooser-title" }, "Who are you in this tab?"),
    h("p", { class: "quiet" }, "This is a local Slack: nothing leaves this machine. Open a second tab to be somebody else beside."),
    h("ul", { role: "list" }, people.map((person) =>
      h("li", {}, h(
        "button",
        { type: "button", class: "person", onclick: () => pick(person.id) },
        avatar(store, person.id),
        h("span", { class: "who" }, h("strong", {}, person.real_name), h("span", { class: "quiet" }, ABOUT[person.role])),
        h("span", { class: `role ${person.role}` }, roleWords[person.role]),
      )),
    )),
  );
  const pick = (id) => {
    const open = dialog;
    dialog = null;
    open.remove();
    if (id) onChosen(id);
  };
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (escapable) pick(null);
  });
  document.body.append(dialog);
  dialog.showModal();
}
