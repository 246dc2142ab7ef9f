// The confirmation before each action.

import { html, nothing } from "../vendor/lit.js";
import { say } from "./words.js";

/**
 * Asks for confirmation; resolves with whether it was given.
 * `question`: its title, the text of the button; `fields` of `{name, label, type, value, required}`, which receive their values.
 */
export async function confirming(admin, question) {
  const answered = new Promise((answer) => (admin.question = { ...question, answer }));
  admin.draw();
  await admin.updateComplete;
  document.getElementById("ask").showModal();
  return answered;
}

export function confirmation(admin) {
  const { question } = admin;
  const closed = ({ target }) => {
    admin.question = null;
    question?.answer(target.returnValue === "yes");
    target.returnValue = "";
    admin.draw();
  };
  const submit = (event) => {
    event.preventDefault();
    for (const { name } of question.fields ?? []) question.values[name] = event.target.elements[name].value;
    document.getElementById("ask").close("yes");
  };
  return html`<dialog id="ask" aria-labelledby="ask-title" @close=${closed}>${question
    ? html`<form class="stack" @submit=${submit}>
        <h2 id="ask-title">${question.title}</h2>
        ${question.hint ? html`<p class="quiet">${question.hint}</p>` : nothing}
        ${(question.fields ?? []).map(field)}
        <div class="foot">
          <button type="button" @click=${() => document.getElementById("ask").close()}>${say("cancel")}</button>
          <button class=${question.danger ? "primary danger" : "primary"}>${question.yes}</button>
        </div>
      </form>`
    : nothing}</dialog>`;
}

function field({ name, label, type = "text", value = "", required = false, max }) {
  return html`<label for="ask-${name}">${label}</label>
    <input id="ask-${name}" name=${name} type=${type} .value=${value} ?required=${required} maxlength=${max ?? nothing}>`;
}
