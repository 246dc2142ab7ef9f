// The audit: who did what, and from where.

import { html, nothing } from "../vendor/lit.js";
import { Part } from "./part.js";
import { date, say } from "./words.js";

export class Audit extends Part {
  get path() {
    return "audit/";
  }

  render() {
    const detail = (value) => (value && Object.keys(value).length ? html`<code>${JSON.stringify(value)}</code>` : nothing);
    return html`<div class="filters">
        ${["actor", "action", "target"].map((name) => this.filter(name, say(`audit.${name}`)))}
      </div>
      ${this.table(["date", "actor", "action", "target", "address", "detail"].map((key) => say(`audit.${key}`)), (entry) => [
        date(entry.date),
        entry.actor ?? "–",
        html`<code>${entry.action}</code>`,
        entry.target ?? "–",
        entry.address ?? "–",
        detail(entry.detail),
      ])}`;
  }
}
