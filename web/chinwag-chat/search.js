// The search for people, groups and messages: a box with a list of results (a combobox, as in the ARIA Authoring Practices).
// Loaded when it is first opened.

import { html, nothing } from "../vendor/lit.js";
import { face } from "./face.js";
import { Finder, LONGEST } from "./finder.js";
import { filters, chips } from "./filters.js";
import { gist } from "./gist.js";
import { cross, glass } from "./icons.js";
import { Part, define } from "./part.js";
import { snippet } from "./snippet.js";
import { finder as style } from "./style/finder.js";

// Listed here as well, so that browsers request all parts at once rather than one after the other.
import "./avatar.js";
import "./format.js";
import "./links.js";
import "./text.js";

export { Finder };

/** The distance from the end of the list at which the next page is requested, in pixels. */
const NEAR_END = 300;
const TOPICS = new Set(["profile", "groups", "state", "view"]);

export class Search extends Part {
  #isFiltering = false;

  connectedCallback() {
    super.connectedCallback();
    const root = this.getRootNode();
    if (!root.adoptedStyleSheets.includes(style.styleSheet)) root.adoptedStyleSheets.push(style.styleSheet);
    this.finder.onchange = () => this.requestUpdate();
    this.finder.resume();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.finder.onchange = () => {};
  }

  changed({ detail }) {
    if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  get finder() {
    return this.chat.finder;
  }

  render() {
    const { chat, finder } = this;
    const { options } = finder;
    const group = chat.client.groups.get(finder.filters.group);
    const label = group ? this.say("search.in", { name: chat.title(group) }) : this.say("search.label");
    const toggle = () => {
      this.#isFiltering = !this.#isFiltering;
      this.requestUpdate();
    };
    return html`<dialog class="finder" aria-label=${this.say("search.title")} part="dialog" @close=${this.#closed} @click=${this.#clicked}>
      <div class="whole">
        <div class="line">${glass}
          <input id="finder-text" role="combobox" aria-label=${label} placeholder=${label} aria-autocomplete="list" aria-expanded=${String(options.length > 0)}
            aria-controls=${options.length ? "finder-list" : nothing} aria-activedescendant=${options.length ? `finder-${finder.active}` : nothing}
            autocomplete="off" autocapitalize="none" spellcheck="false" enterkeyhint="search" maxlength=${LONGEST} dir="auto"
            .value=${finder.text} @input=${({ target }) => finder.type(target.value)} @keydown=${this.#press}>
          <button class="icon" aria-label=${this.say("close")} title=${this.say("close")} @click=${() => this.#dialog.close()}>${cross}</button>
        </div>
        <div class="narrowing">
          <button class="compact" aria-expanded=${String(this.#isFiltering)} aria-controls="finder-filters" @click=${toggle}>${this.say("search.filters")}</button>
          ${chips(this)}
          ${finder.isAll && !finder.set.length ? html`<button class="compact plain" @click=${this.#showFew}>${this.say("search.few")}</button>` : nothing}
        </div>
        <div id="finder-filters" ?hidden=${!this.#isFiltering}>${this.#isFiltering ? filters(this) : nothing}</div>
        <div class="found" aria-busy=${String(finder.isBusy)}>${this.#found(options)}</div>
        <p class="unseen" role="status">${this.#told()}</p>
      </div>
    </dialog>`;
  }

  #found(options) {
    const { finder } = this;
    const again = html`<button class="compact" @click=${() => finder.run()}>${this.say("messages.retry")}</button>`;
    if (finder.trouble === "often") return html`<p class="remark">${this.say("search.often")}</p>${this.#list(options)}`;
    if (finder.trouble === "offline") return html`<div class="remark"><p>${this.say("search.offline")}</p>${this.chat.ready ? again : nothing}</div>`;
    if (finder.trouble) return html`<div class="remark"><p class="error">${finder.reason}</p>${again}</div>`;
    if (!finder.text.trim()) return this.#begin();
    if (!finder.hasWord) return html`<p class="remark">${this.say("search.noWord")}</p>`;
    if (!finder.found) return html`<p class="remark">${this.say("search.busy")}</p>`;
    return html`${this.#isEmpty ? html`<p class="remark">${this.#none()}</p>` : nothing}${this.#indexing()}${this.#list(options)}`;
  }

  #indexing() {
    const percent = this.finder.found.indexing;
    return percent === null ? nothing : html`<p class="remark small">${this.say("search.indexing", { percent })}</p>`;
  }

  get #isEmpty() {
    const { found } = this.finder;
    return found && !found.people.length && !found.groups.length && !found.messages.length;
  }

  #none() {
    const { finder } = this;
    if (finder.isAll && finder.found.next) return this.say("search.noneYet");
    return this.say(finder.isAll ? (finder.set.length ? "search.noneFiltered" : "search.noMessage") : "search.none");
  }

  /** The status text for screen readers. */
  #told() {
    const { finder } = this;
    if (finder.trouble === "often") return this.say("search.often");
    if (finder.trouble === "offline") return this.say("search.offline");
    if (finder.trouble) return finder.reason;
    if (!finder.found || finder.isBusy) return "";
    if (this.#isEmpty) return this.#none();
    const { people, groups, messages } = finder.found;
    return this.say("search.count", { count: people.length + groups.length + messages.length });
  }

  /** Before anything is typed: the latest searches, and a few words of help. */
  #begin() {
    const { list } = this.chat.recent;
    const row = (text, at) => html`<li class="row">
      <button class="plain grow" tabindex=${at ? -1 : 0} @click=${() => this.#write(text)}>${glass}<bdi class="cut">${text}</bdi></button>
      <button class="icon compact" tabindex="-1" aria-label=${this.say("search.recent.remove", { text })} title=${this.say("search.recent.remove", { text })} @click=${() => this.#forget(text)}>${cross}</button>
    </li>`;
    return html`${list.length
      ? html`<div class="head"><h2 class="kicker">${this.say("search.recent")}</h2>
          <button class="compact plain" @click=${() => this.#forgetAll()}>${this.say("search.recent.clear")}</button></div>
          <ul class="recent" role="list" aria-label=${this.say("search.recent")} @keydown=${this.#pressRecent}>${list.map(row)}</ul>`
      : nothing}
      <p class="remark small">${this.say("search.hint")}</p>`;
  }

  #list(options) {
    if (!options.length) return nothing;
    const keepFocus = (event) => event.preventDefault();
    const rows = (kinds) => options.map((option, at) => (kinds.includes(option.kind) ? this.#option(option, at) : nothing));
    const part = (key, kinds) => {
      if (!options.some(({ kind }) => kinds.includes(kind))) return nothing;
      return html`<div role="group" aria-label=${this.say(key)}><p class="kicker" aria-hidden="true">${this.say(key)}</p>${rows(kinds)}</div>`;
    };
    return html`<div class="list" id="finder-list" role="listbox" aria-label=${this.say("search.found")} @pointerdown=${keepFocus} @scroll=${this.#scrolled}>
      ${part("search.people", ["person"])}${part("search.groups", ["group"])}${part("search.messages", ["message", "all", "more"])}
    </div>`;
  }

  #option(option, at) {
    const show = { person: () => this.#person(option), group: () => this.#group(option), message: () => this.#message(option), all: () => this.#all(), more: () => this.#more() };
    return html`<div role="option" id=${`finder-${at}`} class="hit of-${option.kind}" aria-selected=${String(at === this.finder.active)} @click=${() => this.#choose(option)}>${show[option.kind]()}</div>`;
  }

  #person({ person: { name, ...profile } }) {
    const shown = profile.display_name ?? name;
    const status = this.chat.statusOf(name);
    return html`${face(name, { profile, status, little: true })}<p class="grow cut"><bdi class="name">${shown}</bdi>${shown === name ? nothing : html` <bdi class="quiet small">${name}</bdi>`}</p>`;
  }

  #group({ group: { id, name, avatar } }) {
    return html`${face(name, { group: id, profile: { avatar }, little: true })}<p class="grow cut"><bdi class="name">${name}</bdi></p>`;
  }

  #message({ message }) {
    const { chat } = this;
    const { words } = chat;
    const group = chat.client.groups.get(message.group);
    // The group's name is shown once it is loaded.
    if (!group && chat.client.moreGroups) chat.client.loadGroup(message.group).catch(() => {});
    const author = message.author ? chat.called(message.author) : this.say("conversation.deletedUser");
    const where = group && message.group !== this.finder.filters.group ? chat.title(group) : "";
    const parts = message.body ? snippet(message.body, message.marks) : [{ text: gist(words, message) }];
    return html`${face(message.author || author, { profile: message.author ? chat.client.profileOf(message.author) : undefined, little: true })}
      <div class="grow">
        <p class="about"><bdi class="name cut">${author}</bdi><span class="unseen">, </span>${where ? html`<bdi class="where cut">${where}</bdi><span class="unseen">, </span>` : nothing}
          <time class="when" datetime=${message.date} title=${words.whenExactly(message.date)}>${words.whenLong(message.date)}</time><span class="unseen">, </span></p>
        <p class="snippet" dir="auto">${parts.map(({ text, marked }) => (marked ? html`<mark>${text}</mark>` : text))}</p>
      </div>`;
  }

  #all() {
    return html`<span class="sign">${glass}</span><p class="grow cut">${this.say("search.all", { text: this.finder.text.trim() })}</p>`;
  }

  #more() {
    return html`<p class="grow">${this.say(this.finder.isBusy ? "search.busy" : "search.more")}</p>`;
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  get #box() {
    return this.querySelector("#finder-text");
  }

  firstUpdated() {
    this.#dialog.showModal();
    this.#box.focus();
    // A reopened search selects its text; text typed while it was loading continues.
    if (this.finder.found) this.#box.select();
  }

  updated() {
    const active = this.querySelector('[aria-selected="true"]');
    if (active?.id === this.shown && this.finder.found === this.seen) return;
    [this.shown, this.seen] = [active?.id, this.finder.found];
    active?.scrollIntoView({ block: "nearest" });
  }

  #press(event) {
    const { finder } = this;
    if (event.isComposing || event.keyCode === 229) return;
    const count = finder.options.length;
    if (event.key === "ArrowDown" && !count) this.querySelector(".recent button")?.focus();
    else if (event.key === "ArrowDown" && count) this.#activate((finder.active + 1) % count);
    else if (event.key === "ArrowUp" && count) this.#activate((finder.active + count - 1) % count);
    else if (event.key === "PageDown" && count) this.#activate(Math.min(count - 1, finder.active + 8));
    else if (event.key === "PageUp" && count) this.#activate(Math.max(0, finder.active - 8));
    else if (event.key === "Enter") this.#enter();
    else return;
    event.preventDefault();
  }

  /** Until the pause after a key press is over, the list has results of an earlier text. */
  #enter() {
    const { finder } = this;
    if (!finder.hasWord) return;
    const option = finder.options[finder.active];
    if (!option || finder.isBusy) finder.run();
    else this.#choose(option);
  }

  #activate(at) {
    this.finder.active = at;
    this.requestUpdate();
  }

  /** The arrow keys move through the latest searches, and to the button that removes one. */
  #pressRecent = (event) => {
    const { target, key } = event;
    const row = target.closest("li");
    const [text, remove] = row.querySelectorAll("button");
    const beside = { ArrowUp: row.previousElementSibling, ArrowDown: row.nextElementSibling }[key];
    if (key === "ArrowLeft" || key === "ArrowRight") (target === text ? remove : text).focus();
    else if (beside) beside.querySelector("button").focus();
    else if (key === "ArrowUp") this.#box.focus();
    else if (key === "Delete" || key === "Backspace") remove.click();
    else return;
    event.preventDefault();
  };

  // The text gets the focus of a removed button.

  #showFew = () => {
    this.finder.showFew();
    this.#box.focus();
  };

  #write(text) {
    this.finder.type(text);
    this.#box.focus();
    this.finder.run();
  }

  #forget(text) {
    this.chat.recent.remove(text);
    this.requestUpdate();
    const next = this.chat.recent.list.length ? ".recent button" : "#finder-text";
    this.focusNext(next);
  }

  #forgetAll() {
    this.chat.recent.clear();
    this.requestUpdate();
    this.#box.focus();
  }

  #choose(option) {
    const { chat, finder } = this;
    if (option.kind === "more") return finder.more();
    chat.recent.add(finder.text);
    if (option.kind === "all") return finder.showAll();
    if (option.kind === "person") return chat.openWith(option.person.name);
    const id = option.kind === "group" ? option.group.id : option.message.group;
    return chat.visit(id, option.message ? { seq: option.message.seq, isLink: true } : {});
  }

  #scrolled = ({ target }) => {
    const left = target.scrollHeight - target.scrollTop - target.clientHeight;
    if (left < NEAR_END && this.finder.isAll && this.finder.found?.messages.length) this.finder.more();
  };

  /** A click beside the dialog closes it. */
  #clicked = ({ target }) => {
    if (target === this.#dialog) this.#dialog.close();
  };

  #closed() {
    if (this.chat.dialog === "search") this.chat.show({ dialog: "" });
  }
}

define("chinwag-search", Search);
