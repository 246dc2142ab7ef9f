// The open groups, which anyone may join: a paged list with a search.

import { html, nothing, repeat } from "../vendor/lit.js";
import { face } from "./face.js";
import { Part, define } from "./part.js";

const PAGE = 20;
const SEARCH_PAUSE = 200;
const TOPICS = new Set(["groups", "view", "state"]);

export class Directory extends Part {
  #rows = [];
  #next = null;
  #query = "";
  #era = 0;
  #searching = 0;
  #isLoaded = false;

  connectedCallback() {
    super.connectedCallback();
    this.#load();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#searching);
  }

  changed({ detail }) {
    if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const none = this.#isLoaded && !this.#rows.length ? this.say(this.#query ? "directory.none" : "directory.empty") : nothing;
    return html`<div class="stack directory">
      <label for="directory-search">${this.say("directory.search")}</label>
      <input id="directory-search" type="search" autocomplete="off" spellcheck="false" maxlength="400" dir="auto" .value=${this.#query} @input=${this.#search}>
      ${this.refusal("directory")}
      ${this.#rows.length
        ? html`<ul role="list" data-roving aria-label=${this.say("begin.open")}>${repeat(this.#rows, ({ id }) => id, (row) => html`<li class="person">${this.#group(row)}</li>`)}</ul>`
        : nothing}
      <p class="quiet small" role="status">${none}</p>
      ${this.#next ? html`<div><button @click=${this.#more}>${this.say("group.more")}</button></div>` : nothing}
      ${this.refusal("directory-more")}
    </div>`;
  }

  #group(row) {
    const { id, name, description, avatar, membersCount } = row;
    const isIn = this.chat.client.groups.has(id);
    const label = this.say(isIn ? "directory.show.of" : "directory.join.of", { name });
    return html`${face(name, { group: id, profile: { avatar } })}
      <div class="grow">
        <p class="cut" title=${name}><bdi class="name">${name}</bdi></p>
        ${description ? html`<p class="small cut" dir="auto" title=${description}>${description}</p>` : nothing}
        <p class="quiet tiny">${this.say("conversation.members", { count: membersCount })}</p>
        ${this.place === id ? this.refusal(id) : nothing}
      </div>
      <button class="compact" aria-label=${label} @click=${() => this.#join(id)}>${this.say(isIn ? "directory.show" : "directory.join")}</button>`;
  }

  #search({ target }) {
    this.#query = target.value.trim();
    clearTimeout(this.#searching);
    this.#searching = setTimeout(() => this.#load(), SEARCH_PAUSE);
  }

  async #load() {
    const [query, era] = [this.#query, (this.#era += 1)];
    await this.attempt(async () => {
      const { groups, next } = await this.chat.client.openGroups({ query, limit: PAGE });
      if (era === this.#era) [this.#rows, this.#next, this.#isLoaded] = [groups, next, true];
    }, "directory");
  }

  #more() {
    const [query, cursor, era] = [this.#query, this.#next, this.#era];
    return this.once(async () => {
      const { groups, next } = await this.chat.client.openGroups({ query, cursor, limit: PAGE });
      if (era === this.#era) [this.#rows, this.#next] = [[...this.#rows, ...groups], next];
    }, "directory-more");
  }

  #join(id) {
    const { chat } = this;
    return this.once(async () => {
      if (!chat.client.groups.has(id)) await chat.client.joinGroup(id);
      if (chat.dialog === "begin") chat.open({ group: id });
    }, id);
  }
}

define("chinwag-directory", Directory);
