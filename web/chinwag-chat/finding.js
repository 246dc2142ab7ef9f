// Opens the search, whose modules are loaded on first use. A temporary box takes text typed meanwhile.

import { css, html } from "../vendor/lit.js";
import { Part, define } from "./part.js";

const style = css`
  dialog.finding { width: min(42em, calc(100vw - 32px)); margin-top: 10vh; padding: 8px 18px; }
  .finding input { width: 100%; border-color: transparent; background: none; font-size: var(--_large); }
  .finding input:focus-visible { outline: none; }
  @media (max-width: 719px) {
    dialog.finding { width: 100vw; max-width: none; height: 100dvh; max-height: none; margin: 0; border: 0; border-radius: 0; }
  }
`;

/** Whether the server offers a search. */
export const isSearchable = ({ offer }) => offer?.features?.includes("search") ?? false;

/** Opens a new search, of one conversation (the id of a group) or of everything. */
export function openSearch(chat, group = "") {
  chat.show({ dialog: "finding", searched: group, card: null });
}

/** Whether a key press opens the search: Ctrl+K, on a Mac ⌘K, in every keyboard layout. */
export function opensSearch({ key, code, ctrlKey, metaKey, altKey, shiftKey }) {
  const isLetter = /^[a-z]$/iu.test(key) ? key.toLowerCase() === "k" : code === "KeyK";
  return isLetter && (ctrlKey || metaKey) && !altKey && !shiftKey;
}

class Finding extends Part {
  #composed = Promise.resolve();

  connectedCallback() {
    super.connectedCallback();
    const root = this.getRootNode();
    if (!root.adoptedStyleSheets.includes(style.styleSheet)) root.adoptedStyleSheets.push(style.styleSheet);
  }

  changed() {}

  render() {
    return html`<dialog class="finding" aria-label=${this.say("search.title")} aria-busy="true" part="dialog" @close=${this.#closed}>
      <input aria-label=${this.say("search.title")} autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="255" dir="auto" @compositionstart=${this.#composing}>
    </dialog>`;
  }

  firstUpdated() {
    this.#dialog.showModal();
    this.#box.focus();
    this.#load();
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  get #box() {
    return this.querySelector("input");
  }

  async #load() {
    const { chat } = this;
    try {
      const [{ Finder }] = await Promise.all([import("./search.js"), chat.words.loadSearch()]);
      await this.#composed;
      if (this.isConnected) this.#hand(new Finder(chat, chat.searched));
    } catch (error) {
      console.error(error);
      this.#closed();
      chat.notify(chat.words.say("search.failed"));
    }
  }

  /** Hands the text over to the search. */
  #hand(finder) {
    const { chat } = this;
    const text = this.#box.value;
    // Restore the focus first, so that the search returns it there.
    this.#dialog.close();
    chat.finder?.end();
    chat.finder = finder;
    if (text) finder.type(text);
    chat.show({ dialog: "search" });
  }

  /** Replacing this box would abort the composition of a character. */
  #composing = ({ target }) => {
    this.#composed = new Promise((resolve) => target.addEventListener("compositionend", resolve, { once: true }));
  };

  #closed() {
    if (this.chat.dialog === "finding") this.chat.show({ dialog: "" });
  }
}

define("chinwag-finding", Finding);
