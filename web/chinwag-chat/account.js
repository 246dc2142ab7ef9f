// The form for signing in, signing up, or choosing a name after a first sign-in at the provider.

import { html, nothing } from "../vendor/lit.js";
import { bubble } from "./icons.js";
import { Part, define } from "./part.js";
import { leaveForProvider, providerAddress } from "./provider.js";

const FIELDS = ["name", "password"];

/**
 * Dispatches `signed-in` when the server has opened a session. `why` is the reason for not being signed in, and `returned`
 * the result of a sign-in at the provider (provider.js).
 */
export class Account extends Part {
  static properties = { why: {}, name: {}, returned: {} };

  /** The error of each field. */
  #wrong = {};
  #busy = false;

  render() {
    return this.returned?.isNew ? this.#naming() : this.#entrance();
  }

  /** The form in which a new user from the provider chooses a name. */
  #naming() {
    const provider = this.chat.offer?.oidc?.name ?? "";
    return html`<div class="door" part="account">
      <form class="stack" novalidate @submit=${this.#choose} aria-labelledby="account-title">
        <h2 class="brand" id="account-title"><slot name="logo">${bubble}</slot> ${this.name}</h2>
        <p class="lead">${this.say("provider.name", { provider })}</p>
        ${this.#field("name", { autocomplete: "username", type: "text", most: 256, value: this.returned.name })}
        <p class="error" role="alert">${this.error}</p>
        <div class="row wrap"><button class="primary">${this.say("provider.continue")}</button></div>
      </form>
    </div>`;
  }

  #entrance() {
    const { words, offer } = this.chat;
    const signUp = offer?.signup === true;
    const address = providerAddress(this.chat);
    const provider = offer?.oidc?.name;
    const failure = this.returned?.failure;
    const error = this.error || (failure && words.say(`provider.${failure}`, { provider: provider ?? "" }));
    return html`<div class="door" part="account">
      <form class="stack" novalidate @submit=${this.#submit} aria-labelledby="account-title">
        <h2 class="brand" id="account-title"><slot name="logo">${bubble}</slot> ${this.name}</h2>
        ${address ? html`<button type="button" class="primary" @click=${() => leaveForProvider(address)}>${words.say("provider.signIn", { provider })}</button>` : nothing}
        <p class="lead">${words.say(signUp ? "account.lead" : "account.lead.noSignUp")}</p>
        ${this.#field("name", { autocomplete: "username", type: "text", most: 256 })}
        ${this.#field("password", { autocomplete: "current-password", type: "password", most: 1024 })}
        <p class="error" role="alert">${error}</p>
        ${error || !this.why ? nothing : html`<p class="quiet small" role="status">${this.why}</p>`}
        <div class="row wrap">
          <button class="primary" value="in">${words.say("account.signIn")}</button>
          ${signUp ? html`<button value="up">${words.say("account.signUp")}</button>` : nothing}
        </div>
      </form>
    </div>`;
  }

  #field(name, { autocomplete, type, most, value = nothing }) {
    const wrong = this.#wrong[name];
    const id = `account-${name}`;
    return html`<label for=${id}>${this.say(`account.${name}`)}</label>
      <input id=${id} name=${name} type=${type} autocomplete=${autocomplete} autocapitalize="none" spellcheck="false"
        maxlength=${most} value=${value} dir="auto" aria-describedby="${id}-hint ${id}-error" aria-invalid=${wrong ? "true" : nothing}>
      <p class="hint" id="${id}-hint">${name === "password" ? this.say("account.password.hint") : nothing}</p>
      <p class="error" id="${id}-error">${wrong}</p>`;
  }

  firstUpdated() {
    this.querySelector("#account-name").focus();
  }

  async #choose(event) {
    event.preventDefault();
    const name = new FormData(event.target).get("name").trim();
    this.#wrong = name ? {} : { name: this.say("error.required") };
    if (!this.#focusWrong()) await this.#enter(() => this.chat.client.chooseName(name));
  }

  async #submit(event) {
    event.preventDefault();
    this.returned = null;
    const up = event.submitter?.value === "up";
    const { name, password } = Object.fromEntries(new FormData(event.target));
    this.#wrong = {};
    if (!name.trim()) this.#wrong.name = this.say("error.required");
    if (!password) this.#wrong.password = this.say("error.required");
    const { client } = this.chat;
    const enter = () => (up ? client.signUp(name.trim(), password) : client.signIn(name.trim(), password));
    if (!this.#focusWrong()) await this.#enter(enter);
  }

  /** Opens a session. Errors are shown at their fields. */
  async #enter(open) {
    // A disabled button would lose the focus.
    if (this.#busy) return;
    this.#busy = true;
    this.why = "";
    await this.attempt(async () => {
      try {
        await open();
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
