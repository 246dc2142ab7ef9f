// The banned users of a group, for its owner and admins: lifting bans, and banning users who are not members.

import { html, nothing, repeat } from "../vendor/lit.js";
import { face, nameButton } from "./face.js";
import { Part, define } from "./part.js";
import { namesIn, withBreaks } from "./text.js";

/** The number of users shown at first, and added with each press. */
const SHOWN = 50;
const TOPICS = new Set(["profile", "user", "view"]);

export class Bans extends Part {
  #group = null;
  #names = [];
  #shown = SHOWN;
  #era = 0;

  changed({ detail }) {
    if (detail.topic === "group" && detail.group === this.#group) this.#load();
    // Bans follow renames.
    else if (detail.topic === "user") this.#load();
    else if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const group = this.chat.openGroup;
    if (!group) return nothing;
    if (group !== this.#group) this.#begin(group);
    const title = this.say("bans.title");
    const count = this.#names.length;
    return html`<div class="section">
      <h3 class="kicker">${title} · ${count}</h3>
      ${count
        ? html`<ul role="list" data-roving aria-label=${title}>${repeat(this.#names.slice(0, this.#shown), (name) => name, (name) => this.#banned(name))}</ul>`
        : html`<p class="quiet small">${this.say("bans.none")}</p>`}
      ${count > this.#shown ? html`<button @click=${() => this.#more()}>${this.say("group.more")}</button>` : nothing}
      <form class="stack" novalidate @submit=${this.#submit}>
        <label for="ban-name">${this.say("bans.add")}</label>
        <div class="row">
          <input id="ban-name" name="text" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="4000" dir="auto" aria-describedby="ban-hint ban-error">
          <button>${this.say("bans.add.do")}</button>
        </div>
        <p class="hint" id="ban-hint">${this.say("bans.hint")}</p>
        <p class="error" id="ban-error" role="alert">${this.error}</p>
      </form>
    </div>`;
  }

  #banned(name) {
    const { client } = this.chat;
    const profile = client.profileOf(name);
    const unban = () => this.#update({ unban: [name] });
    return html`<li class="member">${face(name, { little: true, profile })}
      <div class="name">${nameButton(this, name, withBreaks(client.nameOf(name)))}
        ${profile.display_name ? html`<p class="quiet tiny"><bdi>${name}</bdi></p>` : nothing}</div>
      <div class="row"><button class="compact" aria-label=${this.say("bans.unban.of", { name: this.chat.called(name) })} @click=${unban}>${this.say("bans.unban")}</button></div>
    </li>`;
  }

  #begin(group) {
    this.#group = group;
    this.#names = [];
    this.#shown = SHOWN;
    this.error = "";
    this.#load();
  }

  /** No event announces bans: they are requested when the group changes, and after each change here. */
  async #load() {
    const [group, era] = [this.#group, (this.#era += 1)];
    try {
      const names = await this.chat.client.bannedUsers(group.id);
      if (era !== this.#era) return;
      this.#names = names.sort((a, b) => this.chat.words.order.compare(a, b));
      this.requestUpdate();
    } catch {
      // Keep the known bans until something changes.
    }
  }

  #more() {
    this.#shown += SHOWN;
    this.requestUpdate();
  }

  #submit(event) {
    event.preventDefault();
    const form = event.target;
    const text = form.elements.text.value.trim();
    this.once(async () => {
      if (!text) throw this.chat.refuse("error.required");
      const ban = await namesIn(text, (word) => this.chat.client.findUser(word));
      await this.#change({ ban });
      form.reset();
    });
  }

  #update(change) {
    return this.once(() => this.chat.attempt(() => this.#change(change)));
  }

  async #change(change) {
    await this.chat.client.updateGroup(this.#group.id, change);
    await this.#load();
    // The focused element has been removed.
    if (change.unban) this.focusNext("#ban-name");
  }
}

define("chinwag-bans", Bans);
