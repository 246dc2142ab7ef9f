// The state of the connection, if it is not ready.

import { html, nothing } from "../vendor/lit.js";

/** Empty while the connection is ready. */
export function status(chat, place = "") {
  const { state } = chat.client;
  if (state === "ready") return nothing;
  const say = (key) => chat.words.say(key);
  const waiting = state === "waiting";
  const { setup } = (waiting && chat.client.problem) || {};
  const kept = chat.client.persistent ? "connection.waiting.hint" : "connection.waiting.unkept";
  const hint = setup ? chat.words.say(`connection.${setup}`, { origin: location.origin }) : say(kept);
  return html`<div class="status ${place}" data-state=${state} part="status">
    <span>${say(`connection.${state}`)} ${waiting ? html`<span class="quiet tiny">${hint}</span>` : nothing}</span>
    ${waiting ? html`<button class="compact" @click=${() => chat.client.retry()}>${say("connection.retry")}</button>` : nothing}
  </div>`;
}
