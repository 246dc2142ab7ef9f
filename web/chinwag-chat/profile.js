// The user's profile: name, notifications, sessions, and the deletion of the account.

import { html, nothing } from "../vendor/lit.js";
import { addressOf } from "./avatar.js";
import { face } from "./face.js";
import { cross } from "./icons.js";
import * as notifications from "./notifications.js";
import { Part, define } from "./part.js";
import "./picture.js";
import "./sessions.js";

/** The time for the browser to start saving a file, in ms. */
const REVOKED_AFTER = 60_000;

export class Profile extends Part {
  static properties = { owned: { attribute: false } };

  changed(event) {
    super.changed(event);
    if (event.detail.topic === "state" && this.chat.ready && !this.settings) this.#load();
  }

  render() {
    const { chat } = this;
    return html`<dialog aria-labelledby="profile-title" part="dialog" @close=${this.#closed}>
      <div class="head">
        ${face(chat.me, { profile: chat.client.profileOf(chat.me) })}
        <h2 class="title" id="profile-title">${this.say("profile.title")}<br><bdi class="quiet small">${chat.me}</bdi></h2>
        <button class="icon" aria-label=${this.say("close")} @click=${() => this.#dialog.close()}>${cross}</button>
      </div>
      ${this.#look()}
      ${this.owned && chat.offer?.features.includes("rename") ? this.#naming() : nothing}
      ${this.#privacy()}
      <section class="stack section" aria-labelledby="profile-notifications">
        <h3 class="kicker" id="profile-notifications">${this.say("profile.notifications")}</h3>
        ${this.#notifications()}
        ${this.refusal("profile-notifications")}
      </section>
      ${this.owned && this.origin === "account" ? this.#password() : nothing}
      ${this.owned ? this.#sessions() : nothing}
    </dialog>`;
  }

  /** The display name and the picture, if the server lets users change them. */
  #look() {
    const { features = [] } = this.chat.offer ?? {};
    if (!features.includes("profile")) return nothing;
    const { display_name: name, avatar } = this.chat.client.profileOf(this.chat.me);
    const set = (avatar) => this.chat.client.changeUser({ avatar });
    return html`${this.chat.offer.files ? html`<chinwag-picture class="section" .chat=${this.chat} .avatar=${avatar} .save=${set}></chinwag-picture>` : nothing}
    <form class="stack section" novalidate @submit=${this.#show}>
      <label for="profile-shown">${this.say("profile.shown")}</label>
      <input id="profile-shown" name="shown" autocomplete="off" maxlength="160" dir="auto" .value=${name ?? ""}
        aria-describedby="profile-shown-hint profile-look-error">
      <p class="hint" id="profile-shown-hint">${this.say("profile.shown.hint")}</p>
      ${features.includes("avatar_urls")
        ? html`<label for="profile-avatar">${this.say("profile.avatar")}</label>
          <input id="profile-avatar" name="avatar" type="url" autocomplete="off" maxlength="2048" .value=${addressOf(avatar)}
            aria-describedby="profile-avatar-hint profile-look-error">
          <p class="hint" id="profile-avatar-hint">${this.say("profile.avatar.hint")}</p>`
        : nothing}
      ${this.refusal("profile-look")}
      <div class="row"><button>${this.say("save")}</button><span class="quiet small" role="status">${this.saved ? this.say("saved") : nothing}</span></div>
    </form>`;
  }

  #show(event) {
    event.preventDefault();
    const { shown, avatar } = event.target.elements;
    const before = addressOf(this.chat.client.profileOf(this.chat.me).avatar);
    const isOther = avatar && avatar.value.trim() !== before;
    const change = { display_name: shown.value.trim() || null, ...(isOther && { avatar: avatar.value.trim() || null }) };
    this.saved = false;
    this.attempt(async () => {
      await this.chat.client.changeUser(change);
      this.saved = true;
    }, "profile-look");
  }

  /** The privacy settings, once the server has sent them. */
  #privacy() {
    const { settings } = this;
    if (!settings) return nothing;
    const change = async (key, value) => {
      await this.attempt(async () => {
        await this.chat.client.changeUser({ settings: { [key]: value } });
        settings[key] = value;
      }, "profile-privacy");
      return settings[key];
    };
    // After a refusal they show the stored values again.
    const check = (key) => html`<label class="check"><input type="checkbox" .checked=${settings[key]}
      @change=${async ({ target }) => (target.checked = await change(key, target.checked))}> ${this.say(`profile.${key}`)}</label>`;
    const choice = (key) => html`<label for="profile-${key}">${this.say(`profile.${key}`)}</label>
      <select id="profile-${key}" @change=${async ({ target }) => (target.value = await change(key, target.value))}>
        ${["anyone", "contacts", "nobody"].map((each) => html`<option value=${each} ?selected=${each === settings[key]}>${this.say(`profile.${each}`)}</option>`)}
      </select>`;
    return html`<section class="stack section" aria-labelledby="profile-privacy">
      <h3 class="kicker" id="profile-privacy">${this.say("profile.privacy")}</h3>
      ${check("hide_last_seen")}${check("hide_reads")}${choice("write_first")}${choice("added_by")}
      ${this.refusal("profile-privacy")}
    </section>`;
  }

  async #load() {
    try {
      ({ settings: this.settings, origin: this.origin } = await this.chat.client.loadUser(this.chat.me));
      this.requestUpdate();
    } catch {
      // Without the answer, the settings are not offered.
    }
  }

  #naming() {
    return html`<form class="stack section" novalidate @submit=${this.#rename}>
      <label for="profile-name">${this.say("profile.rename")}</label>
      <div class="row">
        <input id="profile-name" name="name" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="256"
          dir="auto" aria-describedby="profile-hint profile-rename-error">
        <button>${this.say("profile.rename.do")}</button>
      </div>
      ${this.refusal("profile-rename")}
      <p class="hint" id="profile-hint">${this.say("profile.rename.hint")}</p>
    </form>`;
  }

  #password() {
    const field = (id, autocomplete, hint) => html`<label for="password-${id}">${this.say(`password.${id}`)}</label>
      <input id="password-${id}" name=${id} type="password" autocomplete=${autocomplete} maxlength="1024" dir="auto"
        aria-describedby="password-${id}-hint password-error">
      <p class="hint" id="password-${id}-hint">${hint}</p>`;
    return html`<form class="stack section" novalidate aria-labelledby="profile-password" @submit=${this.#changePassword}>
      <h3 class="kicker" id="profile-password">${this.say("password.title")}</h3>
      <input type="text" name="username" autocomplete="username" .value=${this.chat.me} hidden>
      ${field("old", "current-password", nothing)}${field("new", "new-password", this.say("account.password.hint"))}
      <p class="error" role="alert" id="password-error">${this.wrong}</p>
      <div class="row"><button>${this.say("password.do")}</button><span class="quiet small" role="status">${this.isChanged ? this.say("password.done") : nothing}</span></div>
    </form>`;
  }

  #changePassword(event) {
    event.preventDefault();
    const form = event.target;
    const { old, new: next } = Object.fromEntries(new FormData(form));
    this.isChanged = false;
    this.once(async () => {
      this.wrong = "";
      try {
        if (!old || !next) throw this.chat.refuse("password.both");
        await this.chat.client.changePassword(old, next);
        this.isChanged = true;
        form.reset();
      } catch (error) {
        this.wrong = this.chat.why(error);
        form.elements[error.fields?.length ? "new" : "old"].focus();
      }
    });
  }

  #notifications() {
    const state = notifications.state();
    const turn = (on) => () => this.attempt(() => notifications.turn(this.chat, on), "profile-notifications");
    const button = (on, key) => html`<div><button @click=${turn(on)}>${this.say(key)}</button></div>`;
    if (state === "ask" || state === "off") return button(true, "profile.notifications.ask");
    const key = (state === "on" && this.chat.pushed) || state;
    const text = html`<p class="small">${this.say(`profile.notifications.${key}`)}</p>`;
    return state === "on" ? html`${text}${button(false, "profile.notifications.off")}` : text;
  }

  /** For Chinwag's own accounts: a host page that provides the token also manages sessions. */
  #sessions() {
    return html`<section class="stack section" aria-labelledby="profile-sessions">
        <h3 class="kicker" id="profile-sessions">${this.say("profile.sessions")}</h3>
        <chinwag-sessions .chat=${this.chat}></chinwag-sessions>
        <div class="row wrap">
          <button id="profile-sign-out" @click=${this.#signOut}>${this.say("profile.signOut")}</button>
          <button @click=${this.#everywhere}>${this.say("profile.everywhere")}</button>
        </div>
        ${this.refusal("profile-sessions")}
      </section>
      <section class="stack section" aria-labelledby="profile-account">
        <h3 class="kicker" id="profile-account">${this.say("profile.account")}</h3>
        <div><button @click=${this.#export}>${this.say("profile.export")}</button></div>
        <p class="hint">${this.say("profile.export.hint")}</p>
        <div><button class="danger" @click=${this.#delete}>${this.say("profile.delete")}</button></div>
        ${this.refusal("profile-account")}
      </section>`;
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  firstUpdated() {
    this.#dialog.showModal();
    this.#load();
  }

  #closed() {
    if (this.chat.dialog === "profile") this.chat.show({ dialog: "" });
  }

  #rename(event) {
    event.preventDefault();
    const form = event.target;
    const name = form.elements.name.value.trim();
    this.once(async () => {
      if (!name) throw this.chat.refuse("error.required");
      await this.chat.client.rename(name);
      form.reset();
    }, "profile-rename");
  }

  /** The sentences about losses: unsent messages, drafts and attached files. */
  #losses() {
    const { client, drafts, attached } = this.chat;
    const count = client.unsentCount;
    const isWriting = drafts?.hasText || !attached.isEmpty;
    return [count && this.say("profile.unsent", { count }), isWriting && this.say("profile.drafts")].filter(Boolean);
  }

  async #signOut() {
    const hint = this.#losses();
    const sure = !hint.length || (await this.#sure("profile.signOut", { title: `${this.say("profile.signOut")}?`, hint }));
    if (sure) this.#leave(() => this.chat.client.signOut(), "profile-sessions");
  }

  async #everywhere() {
    const hint = [this.say("profile.everywhere.hint"), ...this.#losses()];
    const sure = await this.#sure("profile.everywhere", { title: this.say("profile.everywhere.ask"), hint });
    if (sure) this.#leave(() => this.chat.client.signOutEverywhere(), "profile-sessions");
  }

  #export() {
    this.once(async () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await this.chat.client.exportData());
      link.download = `chinwag-${this.chat.me}.zip`;
      link.click();
      // The browser reads it after the click.
      setTimeout(() => URL.revokeObjectURL(link.href), REVOKED_AFTER);
    }, "profile-account");
  }

  async #delete() {
    const name = this.chat.me;
    const type = { text: name, label: this.say("profile.delete.type", { name }), wrong: this.say("profile.delete.wrong", { name }) };
    const hint = this.say("profile.delete.hint");
    const sure = await this.#sure("profile.delete", { title: this.say("profile.delete.ask"), hint, type, danger: true });
    if (sure) this.#leave(() => this.chat.client.deleteAccount(), "profile-account");
  }

  #sure(yes, question) {
    return this.chat.ask({ yes: this.say(yes), ...question });
  }

  /** Unsent messages of this user must not reach the next user who signs in here. */
  #leave(act, place) {
    const { drafts, attached } = this.chat;
    this.attempt(async () => {
      await act();
      drafts?.clear();
      attached.clear();
    }, place);
  }
}

define("chinwag-profile", Profile);
