/** The files of what is being written: chosen, dropped or pasted, shown as chips, each removable. */

import { toast } from "./announce.js";
import { h, icon, iconButton, replace } from "./dom.js";

const LARGEST = 40 * 1024 * 1024; // more does not fit into one request of the control API

export class Attachments {
  /** `area` is where the words are written; `onChange` runs after each change. */
  constructor(area, { label, onChange }) {
    this.files = [];
    this.area = area;
    this.onChange = onChange;
    this.chips = h("ul", { class: "chips", "aria-label": "Attached files", hidden: true });
    this.picker = h("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1", "aria-label": label });
    this.button = iconButton("clip", label, () => this.picker.click());
    this.picker.addEventListener("change", () => {
      this.add(this.picker.files);
      this.picker.value = "";
      area.focus();
    });
    area.addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      this.add(event.clipboardData.files);
    });
  }

  /** Files dropped anywhere on `zone` are attached. */
  acceptDrops(zone) {
    zone.addEventListener("dragover", (event) => event.preventDefault());
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      this.add(event.dataTransfer?.files ?? []);
    });
  }

  add(list) {
    const fitting = [...list].filter((file) => file.size <= LARGEST || toast(`${file.name} is larger than this page can carry (40 MB).`));
    this.set([...this.files, ...fitting]);
  }

  set(files) {
    this.files = files;
    this.chips.hidden = !files.length;
    replace(this.chips, files.map((file) =>
      h("li", {}, icon("file"), file.name, iconButton("close", `Remove ${file.name}`, () => {
        this.set(this.files.filter((other) => other !== file));
        this.area.focus();
      })),
    ));
    this.onChange();
  }
}
