// The question before an action that cannot be undone. Escape means no.

import { html, nothing } from "../vendor/lit.js";
import { Part, define } from "./part.js";

/** `question`: its title, the hints, the text of the button; `type`: a text to type before the button works. */
export class Ask extends Part {
  render() {
    const { title, hint, yes, danger, type } = this.chat.question;
    const hints = [hint].flat().filter(Boolean);
    return html`<dialog role="alertdialog" aria-labelledby="ask-title" aria-describedby="ask-hint" part="dialog" @close=${this.#closed}>
      <form class="stack" novalidate @submit=${this.#yes}>
        <h2 class="title" id="ask-title">${title}</h2>
        <div class="stack quiet small" id="ask-hint">${hints.map((text) => html`<p>${text}</p>`)}</div>
        ${type ? this.#typed(type) : nothing}
        <div class="foot">
          <button type="button" @click=${() => this.#dialog.close()}>${this.say("cancel")}</button>
          <button class="primary ${danger ? "danger" : ""}">${yes}</button>
        </div>
      </form>
    </dialog>`;
  }

  #typed({ label }) {
    return html`<label for="ask-typed">${label}</label>
      <input id="ask-typed" autocomplete="off" autocapitalize="none" spellcheck="false" dir="auto" aria-describedby="ask-error">
      <p class="error" id="ask-error" role="alert">${this.error}</p>`;
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  firstUpdated() {
    this.#dialog.showModal();
  }

  #yes(event) {
    event.preventDefault();
    const { type } = this.chat.question;
    if (type && this.querySelector("#ask-typed").value.trim() !== type.text) {
      this.error = type.wrong;
      this.requestUpdate();
      return;
    }
    this.#dialog.close("yes");
  }

  #closed() {
    const { question } = this.chat;
    this.chat.show({ question: null });
    question?.answer(this.#dialog.returnValue === "yes");
  }
}

define("chinwag-ask", Ask);
