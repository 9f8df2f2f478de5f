/** The live way of each message: received, stored, decided, queued, sent; newest first. */

import { h } from "./dom.js";
import { emojiNode } from "./emoji.js";
import { plain } from "./mrkdwn.js";
import { channelTitle, nameOf } from "./names.js";
import { go, toMessage } from "./route.js";
import { clock, full, since } from "./time.js";

const STAGES = ["received", "stored", "decided", "queued", "sent"];
const TITLES = {
  received: "Slack handed it to the bot",
  stored: "The bot has it on disk: only then does it acknowledge",
  decided: "The desk decided what follows",
  queued: "What follows is in the outbox, on disk too",
  sent: "Slack took all of it",
};
const KINDS = { edit: "edits: ", deletion: "deletes a message", command: "", click: "clicks ", shortcut: "uses “", form: "submits “" };
const ENDS = { shortcut: "”", form: "”" };
const LONGEST = 120;

export class Way {
  constructor(store) {
    this.store = store;
    this.filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter the messages", oninput: () => this.render() });
    this.body = h("tbody");
    this.none = h("p", { class: "empty" });
    this.known = new Map(); // number -> { row, signature }
    const caption = h("caption", { class: "unseen" }, "The way of each message, newest first");
    const heads = ["At", "Who", "What", ...STAGES].map((name) =>
      h("th", { scope: "col", title: TITLES[name] ?? null }, name[0].toUpperCase() + name.slice(1)));
    this.root = h(
      "section",
      { class: "way", "aria-label": "The way of each message" },
      h("div", { class: "way-head" }, h("h3", {}, "The way of each message"), this.filter),
      h("div", { class: "table-scroller", tabindex: "0", role: "region", "aria-label": "Table of messages" },
        h("table", {}, caption, h("thead", {}, h("tr", {}, heads)), this.body), this.none),
    );
  }

  render() {
    const { store } = this;
    const wanted = this.filter.value.trim().toLowerCase();
    const all = [...store.journeys.values()].sort((a, b) => b.number - a.number).slice(0, 300);
    const rows = all.map((journey) => this.#row(journey)).filter((row) => !wanted || row.dataset.words.includes(wanted));
    this.none.hidden = rows.length > 0;
    this.none.textContent = wanted ? "Nothing matches the filter." : "Nothing has been written yet.";
    if (rows.length !== this.body.children.length || rows.some((row, index) => this.body.children[index] !== row)) {
      this.body.replaceChildren(...rows);
    }
  }

  #row(journey) {
    const signature = JSON.stringify([journey, this.store.namesVersion, this.store.channels.size]);
    const known = this.known.get(journey.number);
    if (known?.signature === signature) return known.row;
    const row = this.#make(journey);
    this.known.set(journey.number, { row, signature });
    return row;
  }

  #make(journey) {
    const { store } = this;
    const what = (KINDS[journey.kind] ?? "") + plain(journey.text, store) + (ENDS[journey.kind] ?? "");
    const words = what.length > LONGEST ? `${what.slice(0, LONGEST)}…` : what;
    const who = nameOf(store, journey.user);
    const where = store.channels.has(journey.channel) ? channelTitle(store, journey.channel) : "direct message";
    const row = h(
      "tr",
      { class: journey.trouble ? "trouble" : null, data: { number: journey.number } },
      h("td", { class: "at", title: full(journey.at) }, clock(journey.at, { withSeconds: true })),
      h("td", { class: "by" }, h("strong", {}, who), h("span", { class: "quiet" }, journey.channel ? where : "")),
      h("td", { class: "what" }, this.#words(journey, words), journey.trouble ? h("div", { class: "warn" }, journey.trouble) : null,
        journey.past && !journey.trouble ? h("div", { class: "past" }, `overcome: ${journey.past}`) : null),
      STAGES.map((name) => this.#stage(journey, name)),
    );
    row.dataset.words = `${who} ${where} ${what} ${journey.trouble} ${journey.past} ${journey.marks.join(" ")}`.toLowerCase();
    return row;
  }

  #words(journey, words) {
    const { store } = this;
    const message = store.message(journey.channel, journey.ts);
    if (!message || journey.kind === "deletion") return h("span", {}, words);
    return h("a", { href: toMessage(journey.channel, message), onclick: (event) => {
      event.preventDefault();
      go(toMessage(journey.channel, message));
    } }, words || "(no words)");
  }

  #stage(journey, name) {
    const stage = journey.stages[name];
    const parts = name === "sent" ? this.#outcome(journey) : [];
    if (!stage && !parts.length) {
      const nothing = journey.kind === "message" && name !== "queued" && name !== "sent" ? "not yet" : "nothing yet";
      return h("td", { class: "stage none" }, h("span", { class: "unseen" }, nothing), h("span", { "aria-hidden": "true" }, "·"));
    }
    const took = stage ? since(journey.at, stage.at) : "";
    return h(
      "td",
      { class: stage ? "stage done" : "stage", title: [TITLES[name], stage?.note, stage && full(stage.at)].filter(Boolean).join("\n") },
      stage ? h("span", { class: "tick" }, h("span", { class: "unseen" }, "after "), took) : null,
      parts.length ? h("span", { class: "outcome" }, parts) : null,
      stage?.note.startsWith("attempt") ? h("span", { class: "note" }, stage.note) : null,
    );
  }

  /** How much of what was queued is out, and the marks that the desk gave. */
  #outcome({ rows, sent, posts, marks }) {
    const count = rows ? (sent < rows || rows > 1 ? `${sent} of ${rows}` : "") : posts > 1 ? `${posts} posts` : "";
    return [count, ...marks.map((name) => h("span", { class: "emoji", title: `:${name}:` }, h("span", { class: "unseen" }, name.replaceAll("_", " ")), emojiNode(name)))].filter(Boolean);
  }
}
