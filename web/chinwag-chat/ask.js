// The question before an action that cannot be undone, or that needs a text. Escape means no.

import { html, nothing } from "../vendor/lit.js";
import { Part, define } from "./part.js";

/** `question`: its title, the hints, the text of the button; `type`: a text to type before the button works; `write`: a text
 * of at most `most` characters, which is the answer. */
export class Ask extends Part {
  render() {
    const { title, hint, yes, danger, type, write } = this.chat.question;
    const hints = [hint].flat().filter(Boolean);
    return html`<dialog role="alertdialog" aria-labelledby="ask-title" aria-describedby="ask-hint" part="dialog" @close=${this.#closed}>
      <form class="stack" novalidate @submit=${this.#yes}>
        <h2 class="title" id="ask-title">${title}</h2>
        <div class="stack quiet small" id="ask-hint">${hints.map((text) => html`<p>${text}</p>`)}</div>
        ${type ? this.#typed(type) : write ? this.#written(write) : nothing}
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

  #written({ label, most }) {
    return html`<label for="ask-typed">${label}</label>
      <textarea id="ask-typed" rows="3" maxlength=${most} dir="auto" aria-describedby="ask-error"></textarea>
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
    const { type, write } = this.chat.question;
    const text = this.querySelector("#ask-typed")?.value.trim();
    if ((type && text !== type.text) || (write && !text)) {
      this.error = (type ?? write).wrong;
      this.requestUpdate();
      this.querySelector("#ask-typed").focus();
      return;
    }
    this.#dialog.close("yes");
  }

  #closed() {
    const { question } = this.chat;
    this.chat.show({ question: null });
    const isSure = this.#dialog.returnValue === "yes";
    question?.answer(isSure && question.write ? this.querySelector("#ask-typed").value.trim() : isSure);
  }
}

define("chinwag-ask", Ask);
