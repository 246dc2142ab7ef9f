// The dialog that lists the keyboard shortcuts.

import { html } from "../vendor/lit.js";
import { cross } from "./icons.js";
import { Part, define } from "./part.js";

const MODIFIER = /^(?:Mac|iP)/u.test(navigator.platform) ? "⌘" : "Ctrl";
const KEYS = [
  ["Ctrl K", "keys.search"],
  ["Enter", "keys.send"],
  ["Shift Enter", "keys.line"],
  ["↑", "keys.editLast"],
  ["Escape", "keys.cancel"],
  ["↑ ↓ Home End", "keys.move"],
  ["← →", "keys.across"],
  ["Tab", "keys.actions"],
  ["?", "keys.help"],
];
/** Keys whose names depend on the language. */
const NAMED = new Set(["Enter", "Shift", "Escape", "Home", "End"]);

export class Keys extends Part {
  render() {
    return html`<dialog aria-labelledby="keys-title" part="dialog" @close=${this.#closed}>
      <div class="head">
        <h2 class="title" id="keys-title">${this.say("keys.title")}</h2>
        <button class="icon" aria-label=${this.say("close")} @click=${() => this.querySelector("dialog").close()}>${cross}</button>
      </div>
      <dl class="keys">${KEYS.map(
        ([keys, text]) => html`<div><dt>${keys.split(" ").map((key) => html`<kbd>${this.#name(key)}</kbd> `)}</dt><dd>${this.say(text)}</dd></div>`,
      )}</dl>
    </dialog>`;
  }

  /** The label of a key. */
  #name(key) {
    if (key === "Ctrl") return MODIFIER;
    return NAMED.has(key) ? this.say(`keys.of.${key}`) : key;
  }

  firstUpdated() {
    this.querySelector("dialog").showModal();
  }

  #closed() {
    if (this.chat.dialog === "keys") this.chat.show({ dialog: "" });
  }
}

define("chinwag-keys", Keys);
