// The audit log: who did what, when and from where.

import { html } from "../vendor/lit.js";
import { Part } from "./part.js";
import { date, say } from "./words.js";

const COLUMNS = ["date", "actor", "action", "target", "address", "detail"];
const FILTERS = ["actor", "action", "target", "address"];
/** Values to choose from in a filter, at most. */
const KNOWN = 100;

export class Audit extends Part {
  get path() {
    return "audit/";
  }

  render() {
    return html`<p class="quiet">${say("audit.hint")}</p>
      <div class="filters">
        ${this.filter("date", say("audit.date"), null, { type: "date" })}
        ${FILTERS.map((name) => this.filter(name, say(`audit.${name}`), null, { known: this.#known(name) }))}
      </div>
      ${this.table(COLUMNS.map((key) => say(`audit.${key}`)), (entry) => [
        html`<span class="whole">${date(entry.date)}</span>`,
        entry.actor ?? "–",
        html`<code class="whole">${entry.action}</code>`,
        entry.target ?? "–",
        entry.address ?? "–",
        entry.detail ?? "–",
      ])}`;
  }

  /** The values of a key in the entries that are shown. */
  #known(name) {
    return [...new Set(this.rows.map((entry) => entry[name]).filter(Boolean))].sort().slice(0, KNOWN);
  }
}
