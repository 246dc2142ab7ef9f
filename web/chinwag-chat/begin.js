// The dialog that starts a conversation: with one person, in a new group, or in an open group.

import { html } from "../vendor/lit.js";
import "./directory.js";
import { cross } from "./icons.js";
import { Part, define } from "./part.js";
import { namesIn } from "./text.js";

export class Begin extends Part {
  /** "person", "group" or "open". */
  #kind = "person";

  render() {
    const kind = (each) => {
      const choose = () => {
        this.#kind = each;
        this.error = "";
        this.requestUpdate();
      };
      return html`<button aria-pressed=${String(this.#kind === each)} @click=${choose}>${this.say(`begin.${each}`)}</button>`;
    };
    const forms = { person: () => this.#personForm(), group: () => this.#groupForm(), open: () => html`<chinwag-directory .chat=${this.chat}></chinwag-directory>` };
    return html`<dialog aria-labelledby="begin-title" part="dialog" @close=${this.#closed}>
      <div class="head">
        <h2 class="title" id="begin-title">${this.say("begin.title")}</h2>
        <button class="icon" aria-label=${this.say("close")} @click=${() => this.#dialog.close()}>${cross}</button>
      </div>
      <div class="tabs">${kind("person")}${kind("group")}${kind("open")}</div>
      ${forms[this.#kind]()}
    </dialog>`;
  }

  #personForm() {
    return html`<form class="stack" novalidate @submit=${this.#start}>
      <label for="begin-with">${this.say("begin.with")}</label>
      <input id="begin-with" name="name" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="256"
        dir="auto" list="begin-contacts" aria-describedby="begin-hint begin-error">
      <datalist id="begin-contacts">${[...this.chat.client.relations.contacts].map((name) => html`<option value=${name}></option>`)}</datalist>
      <p class="hint" id="begin-hint">${this.say("begin.with.hint")}</p>
      <div><button type="button" class="compact" @click=${() => this.chat.openWith(this.chat.me)}>${this.say("begin.notes")}</button></div>
      ${this.#foot("begin.start")}
    </form>`;
  }

  #groupForm() {
    return html`<form class="stack" novalidate @submit=${this.#create}>
      <label for="begin-name">${this.say("begin.name")}</label>
      <input id="begin-name" name="name" autocomplete="off" maxlength="400" dir="auto" aria-describedby="begin-error">
      <label for="begin-people">${this.say("begin.people")}</label>
      <input id="begin-people" name="people" autocomplete="off" autocapitalize="none" spellcheck="false" dir="auto"
        aria-describedby="begin-hint begin-error">
      <p class="hint" id="begin-hint">${this.say("begin.people.hint")}</p>
      ${this.#foot("begin.create")}
    </form>`;
  }

  #foot(key) {
    return html`<p class="error" id="begin-error" role="alert">${this.error}</p>
      <div class="foot"><button class="primary">${this.say(key)}</button></div>`;
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  firstUpdated() {
    this.#dialog.showModal();
    this.querySelector("#begin-with").focus();
  }

  #closed() {
    if (this.chat.dialog === "begin") this.chat.show({ dialog: "" });
  }

  #start(event) {
    event.preventDefault();
    const name = event.target.elements.name.value.trim();
    this.once(async () => {
      if (!name) throw this.chat.refuse("error.required");
      const { client } = this.chat;
      const known = name === this.chat.me || client.relations.contacts.has(name) || client.privateWith(name);
      const found = known ? name : await this.#find(name);
      if (found === null) throw this.chat.refuse("begin.unknown", { name });
      if (this.chat.dialog === "begin") this.chat.openWith(found);
    });
  }

  /**
   * A user by name. While the server is unavailable, the name is used as typed: the first message waits, and reports a wrong
   * name.
   */
  async #find(name) {
    try {
      return await this.chat.client.findUser(name);
    } catch (error) {
      if (error.code === 0) return name;
      throw error;
    }
  }

  #create(event) {
    event.preventDefault();
    const { name, people } = event.target.elements;
    this.once(async () => {
      if (!name.value.trim()) throw this.chat.refuse("error.required");
      const { client } = this.chat;
      const members = await namesIn(people.value, (word) => client.findUser(word));
      const group = await client.createGroup({ name: name.value.trim(), members });
      this.chat.open({ group: group.id });
    });
  }
}

define("chinwag-begin", Begin);
