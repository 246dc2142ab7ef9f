// A section of the page: a paged list with filters.

import { html, nothing } from "../vendor/lit.js";
import { say } from "./words.js";

export class Part {
  error = "";
  rows = [];
  next = null;
  loading = false;
  filters = {};
  /** The number of requested lists. Answers to earlier requests are dropped. */
  #era = 0;

  constructor(admin) {
    this.admin = admin;
    this.api = admin.api;
  }

  draw() {
    if (this.admin.current === this) this.admin.draw();
  }

  async begin() {
    await this.load();
  }

  /** The path of the list. Parts without one load otherwise. */
  get path() {
    return "";
  }

  async load(cursor = null) {
    const era = (this.#era += 1);
    this.loading = true;
    this.draw();
    try {
      const { rows, next } = await this.api.list(this.path, { ...this.filters, cursor });
      if (era !== this.#era) return;
      this.rows = cursor ? [...this.rows, ...rows] : rows;
      this.next = next;
      this.error = "";
    } finally {
      if (era === this.#era) this.loading = false;
      this.draw();
    }
  }

  reload = () => this.load().catch((error) => this.admin.fail(error, this));

  /** Replaces a row with its changed state. */
  replace(row, changed) {
    this.rows = this.rows.map((each) => (each === row ? changed : each));
    this.draw();
  }

  /** A field that filters the list: a choice of `options`, or a text or a date, with values to choose from that are `known`. */
  filter(name, label, options = null, { type = "search", known = [] } = {}) {
    const change = (event) => {
      this.filters = { ...this.filters, [name]: event.target.value.trim() };
      this.reload();
    };
    const value = this.filters[name] ?? "";
    return html`<label>${label} ${options
      ? html`<select @change=${change}>${options.map(([key, text]) => html`<option value=${key} ?selected=${key === value}>${text}</option>`)}</select>`
      : html`<input type=${type} .value=${value} list=${known.length ? `known-${name}` : nothing} @change=${change}>`}</label>
      ${known.length ? html`<datalist id="known-${name}">${known.map((text) => html`<option value=${text}></option>`)}</datalist>` : nothing}`;
  }

  /** The list as a table: `cells` makes those of a row. On a narrow screen each cell has its heading; roles outlast that style. */
  table(headings, cells) {
    const cell = (content, at) => html`<td role="cell" data-heading=${say("heading", { heading: headings[at] })}>${content ?? nothing}</td>`;
    return this.pages(() => html`<div class="wide" tabindex="0"><table role="table">
        <thead role="rowgroup"><tr role="row">${headings.map((heading) => html`<th scope="col" role="columnheader">${heading}</th>`)}</tr></thead>
        <tbody role="rowgroup">${this.rows.map((row) => html`<tr role="row">${cells(row).map(cell)}</tr>`)}</tbody>
      </table></div>`);
  }

  /** The rendered list with a button for the next page, or a text for an empty list. */
  pages(drawn) {
    // A disabled button would lose the focus.
    const more = () => this.loading || this.load(this.next).catch((error) => this.admin.fail(error, this));
    const button = this.next ? html`<button @click=${more}>${say("more")}</button>` : nothing;
    if (this.rows.length) return html`${drawn()}${button}`;
    // A filter may find nothing on a page that is not the last.
    const text = this.loading ? "loading" : this.next ? "none.yet" : "none";
    return html`<p class="quiet" role="status">${say(text)}</p>${button}`;
  }
}
