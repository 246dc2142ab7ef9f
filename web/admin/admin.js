// The page at `/admin/`: signs an administrator in, and shows the section named by the URL.

import { LitElement, html, nothing } from "../vendor/lit.js";
import { Api } from "./api.js";
import { Audit } from "./audit.js";
import { confirmation, confirming } from "./confirm.js";
import { Files } from "./files.js";
import { Groups } from "./groups.js";
import { Overview } from "./overview.js";
import { Reports } from "./reports.js";
import { Settings } from "./settings.js";
import { Users } from "./users.js";
import { Webhooks } from "./webhooks.js";
import { say } from "./words.js";

const PARTS = {
  overview: Overview,
  users: Users,
  groups: Groups,
  reports: Reports,
  files: Files,
  webhooks: Webhooks,
  audit: Audit,
  settings: Settings,
};

class Admin extends LitElement {
  api = new Api();
  /** The signed-in administrator's name; null while nobody is signed in. */
  me = null;
  /** "starting", "out", "refused" for a user who is not an administrator, "in". */
  state = "starting";
  error = "";
  /** The part that is shown, and its name. */
  current = null;
  name = "";

  /** Uses the page's style. */
  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    document.documentElement.lang = say.lang;
    addEventListener("hashchange", () => this.open());
    void this.start();
  }

  draw() {
    this.requestUpdate();
  }

  async start() {
    try {
      this.me = await this.api.whoAmI();
      if (!this.me) this.state = "out";
      else this.state = (await this.api.call("GET", `users/${encodeURIComponent(this.me)}/?fields=admin`)).admin ? "in" : "refused";
      this.error = "";
    } catch (error) {
      this.state = "out";
      this.error = error.message;
    }
    if (this.state === "in") this.open();
    else this.draw();
  }

  /** Shows the section named by the URL. */
  open() {
    if (this.state !== "in") return;
    const name = location.hash.slice(1);
    this.name = Object.hasOwn(PARTS, name) ? name : "overview";
    this.current?.end?.();
    this.current = new PARTS[this.name](this);
    this.draw();
    // The links may be wider than the window.
    void this.updateComplete.then(() => this.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }));
    const { current } = this;
    current.begin().catch((error) => this.fail(error, current));
  }

  /** Shows an error of a section, unless another one is shown by now. */
  fail(error, part = this.current) {
    if (error.code === 401) this.#end();
    // Without an administrator's session, no section is shown.
    if (this.state !== "in") this.error = error.message;
    else if (part === this.current) part.error = error.message;
    this.draw();
  }

  /** Ends the section that is shown, and shows the form. */
  #end() {
    this.current?.end?.();
    this.current = null;
    this.state = "out";
  }

  /** Asks for confirmation, acts, and shows an error. */
  async act(question, action) {
    if (!(await confirming(this, question))) return;
    try {
      await action();
    } catch (error) {
      this.fail(error);
    }
  }

  #signIn = async (event) => {
    event.preventDefault();
    const { name, password } = event.target.elements;
    try {
      await this.api.signIn(name.value, password.value);
      await this.start();
    } catch (error) {
      this.error = error.message;
      this.draw();
    }
  };

  #signOut = async () => {
    try {
      await this.api.call("DELETE", "sessions/");
    } catch (error) {
      // The session is still valid, and the next user of this browser could use it.
      if (error.code !== 401) return this.fail(error);
    }
    this.#end();
    this.error = "";
    this.draw();
  };

  render() {
    if (this.state === "starting") return nothing;
    if (this.state === "in") return this.#inside();
    if (this.state === "refused")
      return html`<main class="door"><h1>${say("title")}</h1><p role="alert">${say("refused", { name: this.me })}</p>
        <p class="error" role="alert">${this.error}</p>
        <button @click=${this.#signOut}>${say("signOut")}</button></main>`;
    return html`<main class="door">
      <h1>${say("title")}</h1>
      <form class="stack" @submit=${this.#signIn}>
        <label for="name">${say("name")}</label><input id="name" name="name" autocomplete="username" autocapitalize="none" required>
        <label for="password">${say("password")}</label><input id="password" name="password" type="password" autocomplete="current-password" required>
        <p class="error" role="alert">${this.error}</p>
        <button class="primary">${say("signIn")}</button>
      </form>
    </main>`;
  }

  #inside() {
    const link = (name) => html`<li><a href="#${name}" aria-current=${name === this.name ? "page" : nothing}>${say(`part.${name}`)}</a></li>`;
    return html`<header class="bar">
        <a class="home" href="../">Chinwag</a>
        <nav aria-label=${say("title")}><ul>${Object.keys(PARTS).map(link)}</ul></nav>
        <span class="me">${this.me}</span><button @click=${this.#signOut}>${say("signOut")}</button>
      </header>
      <main>
        <h1>${say(`part.${this.name}`)}</h1>
        <p class="error" role="alert">${this.current.error}</p>
        ${this.current.render()}
      </main>
      ${confirmation(this)}`;
  }
}

customElements.define("chinwag-admin", Admin);
