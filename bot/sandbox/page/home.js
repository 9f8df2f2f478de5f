/** The app's Home tab, as it was published for this person. */

import { act, failureOf } from "./api.js";
import { toast } from "./announce.js";
import { blocks } from "./blocks.js";
import { h, replace } from "./dom.js";

export class HomeTab {
  constructor(store) {
    this.store = store;
    this.root = h("div", { class: "home", role: "tabpanel", "aria-label": "Home", hidden: true });
    this.signature = null;
    this.values = new Map();
  }

  render() {
    const { store } = this;
    const signature = JSON.stringify([store.me, store.home?.hash, store.home?.blocks]);
    if (signature === this.signature) return;
    this.signature = signature;
    if (!store.home) {
      replace(this.root, h("div", { class: "empty" }, h("p", {}, "The app has published no Home tab for you yet.")));
      return;
    }
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    replace(this.root, h("div", { class: "view" }, blocks(store.home.blocks, store, this.#surface())));
    if (focused) this.root.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  #surface() {
    const { store, values } = this;
    return {
      values,
      key: (block, element) => `${block.block_id}/${element.action_id}`,
      act: async (element, block, value) => {
        const answer = await act("click_view", {
          user: store.me, action_id: element.action_id, block_id: block.block_id, value: value ?? null, home: true,
        });
        const failed = failureOf(answer?.reply, "That button");
        if (failed) toast(failed);
      },
    };
  }
}
