/** One mail of a conversation: who, to whom, the words, its files, and on demand what else it consists of. */

import { h, icon, newId, replace } from "./dom.js";
import { letterAvatar, personName } from "./mail_people.js";
import { clock, day, full, size } from "./time.js";

const VERDICTS = {
  pass: ["good", "sender proven"],
  fail: ["bad", "sender not proven: DMARC failed"],
  none: ["bad", "sender not proven: DMARC says nothing"],
};
const AUTOMATIC = { bounce: "delivery report", "auto-replied": "automatic reply", "auto-generated": "automatic mail" };
const QUOTED = /\n(?:[^\n]{0,200}:\n+)?(?:>[^\n]*\n?)+\s*$/;
const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

export function letter(mail, store) {
  const from = mail.from[0];
  const id = newId("letter");
  const details = h("div", { class: "mail-headers", hidden: true });
  const [kind, verdict] = VERDICTS[mail.verdict] ?? [];
  const at = day(mail.at, store.now()) === "Today" ? clock(mail.at) : `${day(mail.at, store.now())}, ${clock(mail.at)}`;
  return h(
    "article",
    { class: "letter", "aria-labelledby": id },
    h("header", {},
      letterAvatar(from),
      h("div", { class: "letter-who" },
        h("p", { id }, h("strong", {}, personName(from)), from?.name ? h("span", { class: "quiet" }, from.address) : null,
          mail.from.length > 1 ? h("span", { class: "warn" }, `and ${mail.from.length - 1} more in From`) : null),
        h("p", { class: "quiet" }, `to ${people(mail.to)}`, mail.cc.length ? `, copy to ${people(mail.cc)}` : "")),
      h("time", { class: "quiet", title: full(mail.at) }, at)),
    h("div", { class: "letter-signs" },
      verdict ? h("span", { class: `sign ${kind}` }, verdict) : null,
      mail.automatic ? h("span", { class: "sign" }, AUTOMATIC[mail.automatic] ?? mail.automatic) : null,
      mail.folder !== "INBOX" && mail.folder !== "Sent" ? h("span", { class: "sign" }, `in ${mail.folder}`) : null),
    words(mail),
    files(mail),
    h("div", { class: "letter-more" },
      toggle("Headers", details, () => headers(mail, details)),
      mail.html ? outside(`/sandbox/mail/${mail.number}/html`, "HTML", `HTML of the mail from ${personName(from)}`) : null,
      outside(`/sandbox/mail/${mail.number}/raw`, "Source", `Source of the mail from ${personName(from)}`)),
    details,
  );
}

const people = (list) => list.map((one) => personName(one)).join(", ") || "nobody";

/** What is newly written, and what is quoted behind a fold. */
function words(mail) {
  const quoted = mail.text.match(QUOTED)?.[0] ?? "";
  const own = mail.text.slice(0, mail.text.length - quoted.length).trimEnd();
  const cut = mail.cut ? h("p", { class: "quiet" }, "The rest is in the source.") : null;
  if (!own) return h("div", { class: "letter-text" }, h("p", { class: mail.text ? null : "quiet" }, mail.text || "(no words)"), cut);
  const fold = quoted ? h("details", {}, h("summary", {}, "Quoted text"), h("p", { class: "quiet" }, quoted.trim())) : null;
  return h("div", { class: "letter-text" }, h("p", {}, own), fold, cut);
}

function files(mail) {
  if (!mail.files.length) return null;
  return h("ul", { class: "files", "aria-label": "Files" }, mail.files.map((file) => {
    const address = `/sandbox/mail/${mail.number}/file/${file.number}/${encodeURIComponent(file.name)}`;
    const picture = IMAGES.has(file.mimetype) && file.size < 5e6 ? h("img", { src: address, alt: "", loading: "lazy" }) : null;
    return h("li", { class: "file" },
      picture ?? h("span", { class: "file-icon" }, icon("file")),
      h("span", { class: "file-name" }, h("strong", {}, file.name), h("span", { class: "quiet" }, `${file.mimetype}, ${size(file.size)}`)),
      h("a", { class: "icon-button", href: address, download: file.name, title: "Download", "aria-label": `Download ${file.name}` }, icon("down")));
  }));
}

function toggle(label, details, fill) {
  details.id = newId("details");
  const button = h("button", { type: "button", class: "text-button", "aria-expanded": "false", "aria-controls": details.id, onclick: async () => {
    const open = details.hidden;
    if (open && !details.childNodes.length) await fill();
    details.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  } }, label);
  return button;
}

async function headers(mail, details) {
  const response = await fetch(`/sandbox/mail/${mail.number}`);
  if (!response.ok) {
    replace(details, h("p", { class: "quiet" }, "The mail is gone."));
    return;
  }
  const { headers: rows } = await response.json();
  replace(details, h("dl", {}, rows.map(([name, value]) => h("div", {}, h("dt", {}, `${name}: `), h("dd", {}, value)))));
}

const outside = (href, words, label) => h("a", { href, target: "_blank", rel: "noopener noreferrer", "aria-label": label }, words);

