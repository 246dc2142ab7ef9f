// The base of a menu that opens from a button.

import { html, nothing } from "../vendor/lit.js";
import { dots } from "./icons.js";
import { Part } from "./part.js";

/** The distances of a menu from its button and from the edge of the window, in pixels. */
const BESIDE_BUTTON = 4;
const FROM_EDGE = 8;

export class Popup extends Part {
  static properties = { ...Part.properties, open: { state: true } };
  /** Aborted when the menu closes. */
  #opened = new AbortController();

  constructor() {
    super();
    this.open = false;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.open = false;
    this.#opened.abort();
  }

  updated() {
    if (!this.open) this.#opened.abort();
  }

  /** The button and, while it is open, the menu. `items` returns entries made by `item`. */
  popup(label, items, kind = "") {
    return html`<button class="icon ${kind}" aria-label=${label} title=${label} aria-haspopup="menu" aria-expanded=${String(this.open)} @click=${this.#toggle}>${dots}</button>
      ${this.open
        ? html`<div class="menu" role="menu" popover="manual" aria-label=${label} @keydown=${this.#press} @focusout=${this.#left}>${items()}</div>`
        : nothing}`;
  }

  item(text, act, { kind = "", label = nothing } = {}) {
    const choose = () => {
      this.#close();
      act();
    };
    return html`<button class=${kind} role="menuitem" tabindex="-1" aria-label=${label} @click=${choose}>${text}</button>`;
  }

  async #toggle() {
    this.open = !this.open;
    await this.updateComplete;
    const menu = this.querySelector(".menu");
    if (!menu) return;
    this.#place(menu);
    this.querySelector("[role=menuitem]")?.focus();
  }

  /** Places the menu beside its button and inside the window. It is in the top layer, so that no list clips it. */
  #place(menu) {
    menu.showPopover?.();
    const button = this.querySelector("button").getBoundingClientRect();
    const { width, height } = menu.getBoundingClientRect();
    const below = button.bottom + BESIDE_BUTTON;
    const isBelow = below + height + FROM_EDGE <= innerHeight;
    const start = getComputedStyle(this).direction === "rtl" ? button.left : button.right - width;
    menu.style.top = `${Math.max(FROM_EDGE, isBelow ? below : button.top - BESIDE_BUTTON - height)}px`;
    menu.style.left = `${Math.max(FROM_EDGE, Math.min(start, innerWidth - width - FROM_EDGE))}px`;
    this.#opened.abort();
    this.#opened = new AbortController();
    // Close it when its button moves away. Other lists scroll by themselves, such as that of the messages.
    const scrolled = ({ target }) => target.contains(this) && (this.open = false);
    this.getRootNode().addEventListener("scroll", scrolled, { capture: true, signal: this.#opened.signal });
  }

  #close() {
    this.open = false;
    this.querySelector("button").focus();
  }

  #left({ relatedTarget }) {
    if (relatedTarget !== this.querySelector("button") && !this.querySelector(".menu")?.contains(relatedTarget)) this.open = false;
  }

  /** The arrow keys move between items and wrap around. */
  #press(event) {
    const items = [...this.querySelectorAll("[role=menuitem]")];
    const at = items.indexOf(event.target);
    const to = { ArrowUp: items.at(at - 1), ArrowDown: items[(at + 1) % items.length], Home: items[0], End: items.at(-1) }[event.key];
    if (to) to.focus();
    else if (event.key === "Escape") this.#close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
