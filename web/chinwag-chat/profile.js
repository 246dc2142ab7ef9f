// The user's profile: name, notifications, sessions, and the deletion of the account.

import { html, nothing } from "../vendor/lit.js";
import { face } from "./face.js";
import { cross } from "./icons.js";
import * as notifications from "./notifications.js";
import { Part, define } from "./part.js";

export class Profile extends Part {
  static properties = { owned: { attribute: false } };

  render() {
    const { chat } = this;
    return html`<dialog aria-labelledby="profile-title" part="dialog" @close=${this.#closed}>
      <div class="head">
        ${face(chat.me)}
        <h2 class="title" id="profile-title">${this.say("profile.title")}<br><bdi class="quiet small">${chat.me}</bdi></h2>
        <button class="icon" aria-label=${this.say("close")} @click=${() => this.#dialog.close()}>${cross}</button>
      </div>
      <p class="error" role="alert" id="profile-error">${this.error}</p>
      ${this.owned && chat.offer?.features.includes("rename") ? this.#naming() : nothing}
      <section class="stack section" aria-labelledby="profile-notifications">
        <h3 class="kicker" id="profile-notifications">${this.say("profile.notifications")}</h3>
        ${this.#notifications()}
      </section>
      ${this.owned ? this.#sessions() : nothing}
    </dialog>`;
  }

  #naming() {
    return html`<form class="stack section" novalidate @submit=${this.#rename}>
      <label for="profile-name">${this.say("profile.rename")}</label>
      <div class="row">
        <input id="profile-name" name="name" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="256"
          dir="auto" aria-describedby="profile-hint profile-error">
        <button>${this.say("profile.rename.do")}</button>
      </div>
      <p class="hint" id="profile-hint">${this.say("profile.rename.hint")}</p>
    </form>`;
  }

  #notifications() {
    const state = notifications.state();
    if (state !== "ask") return html`<p class="small">${this.say(`profile.notifications.${state}`)}</p>`;
    const ask = () => this.attempt(() => notifications.ask());
    return html`<div><button @click=${ask}>${this.say("profile.notifications.ask")}</button></div>`;
  }

  /** For accounts of Chinwag's own. If the host page provides the token, it also manages sessions. */
  #sessions() {
    return html`<section class="stack section" aria-labelledby="profile-sessions">
        <h3 class="kicker" id="profile-sessions">${this.say("profile.sessions")}</h3>
        <div class="row wrap">
          <button @click=${this.#signOut}>${this.say("profile.signOut")}</button>
          <button @click=${this.#everywhere}>${this.say("profile.everywhere")}</button>
        </div>
      </section>
      <section class="stack section" aria-labelledby="profile-account">
        <h3 class="kicker" id="profile-account">${this.say("profile.account")}</h3>
        <div><button class="danger" @click=${this.#delete}>${this.say("profile.delete")}</button></div>
      </section>`;
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  firstUpdated() {
    this.#dialog.showModal();
  }

  #closed() {
    if (this.chat.dialog === "profile") this.chat.show({ dialog: "" });
  }

  #rename(event) {
    event.preventDefault();
    const form = event.target;
    const name = form.elements.name.value.trim();
    this.attempt(async () => {
      if (!name) throw this.chat.refuse("error.required");
      await this.chat.client.rename(name);
      form.reset();
    });
  }

  /** The unsent messages that would be lost. */
  #unsent() {
    const count = this.chat.client.unsentCount;
    return count ? this.say("profile.unsent", { count }) : "";
  }

  async #signOut() {
    const hint = this.#unsent();
    const sure = !hint || (await this.#sure("profile.signOut", { title: `${this.say("profile.signOut")}?`, hint }));
    if (sure) this.#leave(() => this.chat.client.signOut());
  }

  async #everywhere() {
    const hint = [this.say("profile.everywhere.hint"), this.#unsent()];
    const sure = await this.#sure("profile.everywhere", { title: this.say("profile.everywhere.ask"), hint });
    if (sure) this.#leave(() => this.chat.client.signOutEverywhere());
  }

  async #delete() {
    const name = this.chat.me;
    const type = { text: name, label: this.say("profile.delete.type", { name }), wrong: this.say("profile.delete.wrong", { name }) };
    const hint = this.say("profile.delete.hint");
    const sure = await this.#sure("profile.delete", { title: this.say("profile.delete.ask"), hint, type, danger: true });
    if (sure) this.#leave(() => this.chat.client.deleteAccount());
  }

  #sure(yes, question) {
    return this.chat.ask({ yes: this.say(yes), ...question });
  }

  /** Unsent messages of this user must not reach the next user who signs in here. */
  #leave(act) {
    const { drafts } = this.chat;
    this.attempt(async () => {
      await act();
      drafts?.clear();
    });
  }
}

define("chinwag-profile", Profile);
