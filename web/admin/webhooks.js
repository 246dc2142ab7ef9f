// Webhooks with their newest attempts.

import { html, nothing } from "../vendor/lit.js";
import { Part } from "./part.js";
import { date, say } from "./words.js";

export class Webhooks extends Part {
  #open = null;
  #attempts = [];

  get path() {
    return "webhooks/";
  }

  async load() {
    this.rows = await this.api.call("GET", this.path);
    this.draw();
  }

  render() {
    return this.table(["url", "types", "created", "attempts"].map((key) => say(`webhooks.${key}`)), (webhook) => [
      html`<code>${webhook.url}</code>${webhook.id === this.#open ? this.#list() : nothing}`,
      (webhook.types ?? []).join(", "),
      date(webhook.created),
      html`<button aria-expanded=${String(webhook.id === this.#open)} @click=${() => this.#show(webhook.id)}>${say("webhooks.attempts")}</button>`,
    ]);
  }

  async #show(id) {
    this.#open = this.#open === id ? null : id;
    this.#attempts = [];
    this.draw();
    if (!this.#open) return;
    try {
      const attempts = await this.api.call("GET", `webhooks/${id}/attempts/`);
      // The attempts of another webhook may be shown by now.
      if (this.#open === id) this.#attempts = attempts;
      this.draw();
    } catch (error) {
      this.admin.fail(error, this);
    }
  }

  #list() {
    if (!this.#attempts.length) return html`<p class="quiet" role="status">${say("none")}</p>`;
    return html`<ul class="attempts">${this.#attempts.map(
      ({ date: at, status, error, ms }) =>
        html`<li class=${error ? "warn" : ""}>${date(at)} · ${status ?? "–"} · ${ms} ms${error ? html` · ${error}` : nothing}</li>`,
    )}</ul>`;
  }
}
