/** Backstage: the clock, what goes wrong with Slack, the bot's process, and the way of each message. */

import { act } from "./api.js";
import { announce } from "./announce.js";
import { $, h, iconButton, newId, replace } from "./dom.js";
import { MailTrouble } from "./panel_mail.js";
import { clock, full } from "./time.js";
import { Way } from "./way.js";

const OPEN_KEY = "casewire-panel";
const HOUR = 3600;
const KINDS = {
  "429": "429, wait a second",
  "500": "500, internal error",
  "503": "503, unavailable",
  lost_answer: "answer lost after the effect",
  drop: "connection cut before the effect",
  "slow:3": "slow, 3 seconds",
  "error:internal_error": "“internal_error”",
  "error:channel_not_found": "“channel_not_found”",
};
const METHODS = [
  "chat.postMessage", "chat.update", "chat.delete", "chat.postEphemeral", "reactions.add", "conversations.history", "conversations.replies",
  "users.info", "views.open", "views.publish", "files.completeUploadExternal", "download", "upload", "apps.connections.open", "*",
];
const TIMES = { 1: "once", 3: "3 times", 10: "10 times", "": "until cleared" };

export class Panel {
  constructor(store) {
    this.store = store;
    this.root = $("panel");
    this.way = new Way(store);
    this.#build();
    this.show(localStorage.getItem(OPEN_KEY) === "1");
    setInterval(() => this.#tick(), 1000);
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.show(false, true);
    });
  }

  get isOpen() {
    return !this.root.hidden;
  }

  show(open, byHand = false) {
    this.root.hidden = !open;
    document.body.classList.toggle("with-panel", open);
    localStorage.setItem(OPEN_KEY, open ? "1" : "0");
    const button = $("panel-button");
    button?.setAttribute("aria-expanded", String(open));
    if (open) this.render();
    if (byHand) (open ? this.#first() : button)?.focus();
  }

  /** Where the focus goes first: what shows both or one of the two halves is hidden where both fit. */
  #first() {
    return [...this.root.querySelectorAll("button, input, select")].find((one) => one.checkVisibility());
  }

  #build() {
    this.now = h("output", { class: "now" });
    this.sides = h("span", { class: "sides", role: "group", "aria-label": "What to show" },
      button("Controls", () => this.#side(false)), button("Messages", () => this.#side(true)));
    this.#side(true);
    this.hours = h("input", { type: "number", min: "0", step: "any", value: "24", id: newId("hours"), "aria-label": "Hours to move the clock" });
    this.outage = h("input", { type: "checkbox", role: "switch", onchange: () => act("outage", { on: this.outage.checked }) });
    this.kind = select("What goes wrong", Object.entries(KINDS));
    this.method = select("With which call", METHODS.map((name) => [name, name === "*" ? "any call" : name]));
    this.times = select("How often", Object.entries(TIMES).sort(([a], [b]) => (a || 99) - (b || 99)));
    this.pending = h("ul", { class: "faults", "aria-label": "Faults still to come" });
    this.line = h("p", { class: "quiet", role: "status" });
    this.botStatus = h("p", { role: "status" });
    this.kill = button("Kill", () => this.#bot("kill", "The bot was killed"), "danger");
    this.restart = button("Restart", () => this.#bot("restart", "The bot starts"));
    this.mail = new MailTrouble(this.store, { group, button, select, times: TIMES });
    replace(
      this.root,
      h("header", {}, h("h2", {}, "Backstage"), h("span", { class: "quiet grow" }, "what Slack keeps to itself"), this.sides, iconButton("close", "Close backstage (Esc)", () => this.show(false, true))),
      h("div", { class: "panel-body" },
        h("div", { class: "controls" }, this.#clock(), this.#process(), this.#faults(), this.mail.root),
        this.way.root),
    );
  }

  /** Where both do not fit beside each other, one of them is shown. */
  #side(way) {
    this.root.classList.toggle("show-way", way);
    [...this.sides.children].forEach((one, index) => one.setAttribute("aria-pressed", String(index === Number(way))));
  }

  #clock() {
    const move = (seconds) => async () => {
      if (await act("clock", { advance: seconds() })) announce("The clock was moved");
    };
    return group("Clock", this.now, h("div", { class: "row" },
      button("+ 1 h", move(() => HOUR)),
      button("+ 48 h", move(() => 48 * HOUR + 60)),
      h("span", { class: "together" }, this.hours, button("+ h", move(() => (Number(this.hours.value) || 0) * HOUR))),
    ));
  }

  #faults() {
    const add = () => {
      const times = this.times.value;
      return act("faults", { method: this.method.value, kind: this.kind.value, times: times ? Number(times) : null });
    };
    const sockets = (what, more = {}) => () => act("sockets", { do: what, ...more });
    return group("Slack goes wrong",
      h("label", { class: "switch" }, this.outage, h("span", {}, "Outage: nothing of Slack answers the bot")),
      h("div", { class: "fault" }, this.kind, this.method, this.times, button("Add", add)),
      this.pending,
      h("div", { class: "row" },
        button("Drop sockets", sockets("drop")),
        button("Disconnect", sockets("disconnect", { reason: "refresh_requested", grace: 0.2 })),
        button("Lose an ack", sockets("lose_ack")),
        button("Redeliver", sockets("retry_now")),
        button("Clear", async () => {
          await act("faults", { clear: true });
          await act("outage", { on: false });
        }),
      ),
      this.line,
    );
  }

  #process() {
    this.hands = h("div", { class: "row" }, this.kill, this.restart);
    return group("Bot", this.botStatus, this.hands);
  }

  async #bot(what, said) {
    this.kill.disabled = this.restart.disabled = true;
    if (await act("bot", { do: what })) announce(said);
    this.render();
  }

  render() {
    if (!this.isOpen) return;
    const { panel } = this.store;
    this.outage.checked = panel.outage;
    this.pending.hidden = !panel.faults.length;
    replace(this.pending, panel.faults.map((fault) =>
      h("li", {}, `${KINDS[fault.kind] ?? fault.kind}: ${fault.method === "*" ? "any call" : fault.method}, ${TIMES[fault.times ?? ""] ?? `${fault.times} times`}`)));
    const waiting = panel.undelivered ? `, ${panel.undelivered} ${panel.undelivered === 1 ? "event" : "events"} not acknowledged` : "";
    const lost = panel.lost ? `, ${panel.lost} given up` : "";
    this.line.textContent = `${panel.connections} Socket Mode ${panel.connections === 1 ? "connection" : "connections"}${waiting}${lost}.`;
    const ours = panel.bot !== null;
    const running = panel.bot === "running";
    this.botStatus.className = ours ? "" : "quiet";
    replace(this.botStatus, ours
      ? [h("span", { class: `lamp ${running ? "on" : "off"}`, "aria-hidden": "true" }), `The bot is ${panel.bot}.`]
      : "It was not started from here, and cannot be killed from here.");
    this.hands.hidden = !ours;
    this.kill.disabled = !ours || !running;
    this.restart.disabled = !ours;
    this.mail.render();
    this.#tick();
    this.way.render();
  }

  #tick() {
    if (!this.isOpen) return;
    const { offset } = this.store.panel;
    const ahead = offset ? ` (${offset > 0 ? "+" : "−"}${Math.round((Math.abs(offset) / HOUR) * 10) / 10} h)` : "";
    this.now.title = full(this.store.now());
    this.now.textContent = `${full(this.store.now()).split(",")[0]}, ${clock(this.store.now(), { withSeconds: true })} UTC${ahead}`;
  }
}

const button = (label, onclick, style = "") => h("button", { type: "button", class: `block-button small ${style}`, onclick }, label);

function select(label, options) {
  return h("select", { class: "block-select small", "aria-label": label, title: label }, options.map(([value, words]) => h("option", { value }, words)));
}

function group(title, ...content) {
  const id = newId("group");
  return h("section", { "aria-labelledby": id }, h("h3", { id }, title), content);
}
