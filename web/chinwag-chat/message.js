// One message. It is drawn again only if one of its own properties has changed.

import { LitElement, html, nothing } from "../vendor/lit.js";
import { face } from "./face.js";
import { bin, pencil, reply } from "./icons.js";
import { define } from "./part.js";
import { linked } from "./text.js";

export class Message extends LitElement {
  static properties = {
    words: { attribute: false },
    /** A stored or unsent message. Objects are never changed, only replaced. */
    message: { attribute: false },
    author: {},
    mine: { type: Boolean },
    /** Whether it follows a message of the same person closely. */
    follows: { type: Boolean },
    /** Whether the author's avatar is shown. */
    faced: { type: Boolean },
    /** The day that begins here, if one does, and whether unread messages begin here. */
    day: {},
    fresh: { type: Boolean },
    quoteAuthor: {},
    quoteBody: {},
    note: {},
    may: {},
    tabbable: { type: Boolean },
  };

  createRenderRoot() {
    return this;
  }

  render() {
    const { message, words } = this;
    const kinds = ["message", this.mine && "mine", this.follows && "follows", this.faced && "faced", message.state].filter(Boolean);
    return html`${this.day ? html`<p class="day">${this.day}</p>` : nothing}
      ${this.fresh ? html`<p class="day new">${words.say("messages.unreadFrom")}</p>` : nothing}
      <article class=${kinds.join(" ")} part="message ${this.mine ? "mine" : ""}" tabindex=${this.tabbable ? 0 : -1}
          aria-labelledby="by-${this.id}" aria-describedby="body-${this.id}">
        ${this.faced && !this.follows ? face(this.author, { little: true }) : nothing}
        <p class="meta" id="by-${this.id}">
          <bdi class="author">${this.mine ? words.say("messages.you") : this.author}</bdi>
          <time datetime=${message.date} title=${words.whenExactly(message.date)}>${words.time(message.date)}</time>
          ${message.edited ? html`<span>${words.say("messages.edited")}</span>` : nothing}
        </p>
        <div class="bubble" part="bubble">
          ${this.quoteAuthor === undefined ? nothing : this.#quote()}
          ${message.body
            ? html`<p class="body" id="body-${this.id}">${linked(message.body)}</p>`
            : html`<p class="body gone" id="body-${this.id}">${words.say("messages.erased")}</p>`}
          ${message.id && this.may ? this.#actions() : nothing}
        </div>
        ${this.note ? html`<p class="note ${message.state === "failed" ? "error" : ""}">${this.note}</p>` : nothing}
        ${message.state === "failed" ? this.#remedy() : nothing}
      </article>`;
  }

  #quote() {
    const label = this.quoteAuthor ? this.words.say("messages.to", { name: this.quoteAuthor }) : "";
    return html`<blockquote><cite><span class="unseen">${label}</span><bdi aria-hidden=${label ? "true" : nothing}>${this.quoteAuthor}</bdi></cite>
      <span dir="auto">${this.quoteBody}</span></blockquote>`;
  }

  #actions() {
    const may = this.may.split(" ");
    const button = (verb, icon) => {
      if (!may.includes(verb)) return nothing;
      const name = this.words.say(`messages.${verb}`);
      return html`<button class="icon compact ${verb === "delete" ? "danger" : ""}" aria-label=${name} title=${name} @click=${() => this.#tell(verb)}>${icon}</button>`;
    };
    return html`<div class="actions" role="group" aria-label=${this.words.say("messages.actions")} part="actions">
      ${button("reply", reply)}${button("edit", pencil)}${button("delete", bin)}</div>`;
  }

  #remedy() {
    const button = (verb) => html`<button class="compact" @click=${() => this.#tell(verb)}>${this.words.say(`messages.${verb}`)}</button>`;
    return html`<div class="remedy">${button("retry")}${button("discard")}</div>`;
  }

  #tell(verb) {
    this.dispatchEvent(new CustomEvent("act", { detail: { verb, message: this.message }, bubbles: true }));
  }
}

define("chinwag-message", Message);
