// The form before signing in: it signs in or signs up.

import { html, nothing } from "../vendor/lit.js";
import { bubble } from "./icons.js";
import { Part, define } from "./part.js";

const FIELDS = ["name", "password"];

/** Dispatches `signed-in` when the server has opened a session. `why` is the reason why there is none. */
export class Account extends Part {
  static properties = { why: {}, name: {} };

  /** The error of each field. */
  #wrong = {};
  #busy = false;

  render() {
    const { words, offer } = this.chat;
    const signUp = offer?.signup === true;
    return html`<div class="door" part="account">
      <form class="stack" novalidate @submit=${this.#submit} aria-labelledby="account-title">
        <h2 class="brand" id="account-title"><slot name="logo">${bubble}</slot> ${this.name}</h2>
        <p class="lead">${words.say(signUp ? "account.lead" : "account.lead.noSignUp")}</p>
        ${this.#field("name", { autocomplete: "username", type: "text", most: 256 })}
        ${this.#field("password", { autocomplete: "current-password", type: "password", most: 1024 })}
        <p class="error" role="alert">${this.error}</p>
        ${this.error || !this.why ? nothing : html`<p class="quiet small" role="status">${this.why}</p>`}
        <div class="row wrap">
          <button class="primary" value="in" ?disabled=${this.#busy}>${words.say("account.signIn")}</button>
          ${signUp ? html`<button value="up" ?disabled=${this.#busy}>${words.say("account.signUp")}</button>` : nothing}
        </div>
      </form>
    </div>`;
  }

  #field(name, { autocomplete, type, most }) {
    const wrong = this.#wrong[name];
    const id = `account-${name}`;
    return html`<label for=${id}>${this.say(`account.${name}`)}</label>
      <input id=${id} name=${name} type=${type} autocomplete=${autocomplete} autocapitalize="none" spellcheck="false"
        maxlength=${most} dir="auto" aria-describedby="${id}-hint ${id}-error" aria-invalid=${wrong ? "true" : nothing}>
      <p class="hint" id="${id}-hint">${name === "password" ? this.say("account.password.hint") : nothing}</p>
      <p class="error" id="${id}-error">${wrong}</p>`;
  }

  firstUpdated() {
    this.querySelector("#account-name").focus();
  }

  async #submit(event) {
    event.preventDefault();
    const up = event.submitter?.value === "up";
    const { name, password } = Object.fromEntries(new FormData(event.target));
    this.#wrong = {};
    if (!name.trim()) this.#wrong.name = this.say("error.required");
    if (!password) this.#wrong.password = this.say("error.required");
    if (!this.#focusWrong()) await this.#enter(up, name.trim(), password);
  }

  async #enter(up, name, password) {
    this.#busy = true;
    this.why = "";
    await this.attempt(async () => {
      try {
        await (up ? this.chat.client.signUp(name, password) : this.chat.client.signIn(name, password));
        this.dispatchEvent(new CustomEvent("signed-in"));
      } catch (error) {
        const fields = (error.fields ?? []).filter(({ field }) => FIELDS.includes(field));
        for (const { field, detail } of fields) this.#wrong[field] = this.chat.words.sentence(detail);
        if (!fields.length) throw error;
      }
    });
    this.#busy = false;
    this.#focusWrong();
  }

  #focusWrong() {
    this.requestUpdate();
    const first = FIELDS.find((field) => this.#wrong[field]);
    if (first) this.updateComplete.then(() => this.querySelector(`#account-${first}`).focus());
    return Boolean(first);
  }
}

define("chinwag-account", Account);
