// The emoji picker for reactions: a few common emoji first, all others by name. The list is loaded on opening.

import { html, nothing } from "../vendor/lit.js";
import { cross } from "./icons.js";
import { Part, define } from "./part.js";
import { fold } from "./text.js";

const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"];
const TONES = ["🖐", "🖐🏻", "🖐🏼", "🖐🏽", "🖐🏾", "🖐🏿"];
/** The number of emoji that a search shows. */
const FOUND = 120;
/** The number of emoji in a row, as in the style. */
const COLUMNS = 8;

/** The lists by language, each loaded once. */
const lists = new Map();

function load(lang) {
  const name = lang.startsWith("fr") ? "fr" : "en";
  if (!lists.has(name)) {
    const list = import(`../vendor/emoji/${name}.js`).then(({ default: groups }) => groups.map(([title, rows]) => ({ title, rows: rows.map(read) })));
    // A list that could not be loaded is loaded again at the next opening.
    list.catch(() => lists.delete(name));
    lists.set(name, list);
  }
  return lists.get(name);
}

function read([emoji, label, keywords = "", tones = ""]) {
  return { emoji, label, text: fold(`${label} ${keywords}`), tones: tones ? [emoji, ...tones.split(" ")] : [] };
}

export class Emoji extends Part {
  #groups = null;
  #wanted = "";
  #tone = 0;
  #failed = false;

  connectedCallback() {
    super.connectedCallback();
    this.#tone = Number(this.chat.tone ?? 0);
    load(this.chat.words.lang).then(
      (groups) => this.#show({ groups }),
      () => this.#show({ groups: null, failed: true }),
    );
  }

  #show({ groups, failed = false }) {
    this.#groups = groups;
    this.#failed = failed;
    this.requestUpdate();
  }

  render() {
    const found = this.#find();
    return html`<dialog class="emojis" aria-labelledby="emoji-title" part="dialog" @close=${this.#closed} @keydown=${this.#press} @focusin=${this.#focused}>
      <div class="stack">
        <header class="head">
          <h2 class="title" id="emoji-title">${this.say("reactions.add")}</h2>
          <button class="icon" aria-label=${this.say("close")} @click=${() => this.#dialog.close()}>${cross}</button>
        </header>
        <div class="grid quick" role="grid" aria-label=${this.say("reactions.quick")}>${this.#rows(QUICK.map((emoji) => ({ emoji, label: emoji, tones: [] })))}</div>
        <div class="row">
          <input class="grow" type="search" aria-label=${this.say("reactions.search")} placeholder=${this.say("reactions.search")} autocomplete="off" @input=${this.#search}>
          <select aria-label=${this.say("reactions.tone")} .value=${String(this.#tone)} @change=${this.#setTone}>
            ${TONES.map((hand, tone) => html`<option value=${tone} ?selected=${tone === this.#tone}>${hand}</option>`)}
          </select>
        </div>
        <p class="unseen" role="status">${found?.length ? this.say("reactions.count", { count: found.length }) : nothing}</p>
        ${this.#all(found)}
      </div>
    </dialog>`;
  }

  #all(found) {
    const note = (key) => html`<div class="all"><p class="quiet" role="status">${this.say(key)}</p></div>`;
    if (this.#failed) return note("reactions.failed");
    if (!this.#groups) return note("reactions.loading");
    if (!found) return this.#grid(this.#groups);
    if (!found.length) return note("reactions.none");
    return this.#grid([{ title: this.say("reactions.found"), rows: found }]);
  }

  /** The emoji that a search finds; null without one. */
  #find() {
    const words = fold(this.#wanted).split(/\s+/).filter(Boolean);
    if (!words.length || !this.#groups) return null;
    return this.#groups.flatMap(({ rows }) => rows).filter(({ text }) => words.every((word) => text.includes(word))).slice(0, FOUND);
  }

  #grid(groups) {
    const group = ({ title, rows }) => html`<div class="titled" role="rowgroup" aria-label=${title}><h3 class="tiny quiet" aria-hidden="true">${title}</h3>
      <div class="grid" role="presentation">${this.#rows(rows)}</div></div>`;
    return html`<div class="all" role="grid" aria-label=${this.say("reactions.all")}>${groups.map(group)}</div>`;
  }

  #rows(emoji) {
    const count = Math.ceil(emoji.length / COLUMNS);
    return Array.from({ length: count }, (_, row) => html`<div class="cells" role="row">${emoji.slice(row * COLUMNS, (row + 1) * COLUMNS).map((each) => this.#button(each))}</div>`);
  }

  #button({ emoji, label, tones }) {
    const shown = tones[this.#tone] ?? emoji;
    return html`<button class="plain emoji" role="gridcell" tabindex="-1" aria-label=${label === emoji ? nothing : label} title=${label === emoji ? nothing : label}
      @click=${() => this.#choose(shown)}>${shown}</button>`;
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  firstUpdated() {
    this.#dialog.showModal();
    // On a touch screen the focus would open the keyboard over the emoji.
    if (!matchMedia("(pointer: coarse)").matches) this.querySelector("input").focus();
  }

  /** Each grid has one tab stop: the last focused emoji, or the first one. */
  updated() {
    for (const grid of this.querySelectorAll("[role=grid]")) {
      if (!grid.querySelector(".emoji[tabindex='0']")) grid.querySelector(".emoji")?.setAttribute("tabindex", "0");
    }
  }

  #focused({ target }) {
    if (!target.matches(".emoji")) return;
    for (const stop of target.closest("[role=grid]").querySelectorAll("[tabindex='0']")) stop.setAttribute("tabindex", "-1");
    target.setAttribute("tabindex", "0");
  }

  #search({ target }) {
    this.#wanted = target.value;
    this.requestUpdate();
  }

  #setTone({ target }) {
    this.#tone = this.chat.tone = Number(target.value);
    this.requestUpdate();
  }

  #choose(emoji) {
    const { chat } = this;
    const message = chat.reactTo;
    this.#dialog.close();
    return chat.attempt(() => chat.client.react(message.id, emoji, !message.reactions[emoji]?.mine));
  }

  /** The arrow keys move from emoji to emoji, Home and End within the row, with Ctrl to the first and the last. */
  #press(event) {
    const { target, key, ctrlKey } = event;
    if (target.matches("input")) return this.#pressInSearch(event);
    if (!target.matches(".emoji")) return;
    const grid = target.closest("[role=grid]");
    const [all, rows] = [[...grid.querySelectorAll(".emoji")], [...grid.querySelectorAll("[role=row]")]];
    const row = rows.indexOf(target.parentElement);
    const cells = [...rows[row].children];
    const beside = (step) => all[all.indexOf(target) + (getComputedStyle(this).direction === "rtl" ? -step : step)];
    const below = (step) => rows[row + step]?.children[Math.min(cells.indexOf(target), rows[row + step].children.length - 1)];
    const ends = ctrlKey ? all : cells;
    const to = { ArrowLeft: () => beside(-1), ArrowRight: () => beside(1), ArrowUp: () => below(-1), ArrowDown: () => below(1), Home: () => ends[0], End: () => ends.at(-1) }[key];
    if (!to) return;
    event.preventDefault();
    to()?.focus();
  }

  /** From the search, Down leads to the first emoji that was found, and Enter chooses it. */
  async #pressInSearch(event) {
    // Some browsers end a composition before its last key event, which has this code.
    if (event.isComposing || event.keyCode === 229) return;
    if (!["ArrowDown", "Enter"].includes(event.key) || !this.#find()?.length) return;
    event.preventDefault();
    // The search may not include the last letters yet.
    await this.updateComplete;
    const first = this.querySelector(".all .emoji");
    if (event.key === "Enter") first?.click();
    else first?.focus();
  }

  #closed() {
    this.chat.show({ dialog: "", reactTo: null });
  }
}

define("chinwag-emoji", Emoji);
