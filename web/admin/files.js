// The files of a user: how many, how large, whether in use.

import { html } from "../vendor/lit.js";
import { Part } from "./part.js";
import { date, say, size } from "./words.js";

export class Files extends Part {
  get path() {
    return "files/";
  }

  async begin(author) {
    if (author) this.filters = { author };
    if (author) await this.load();
  }

  reload = () => {
    this.rows = [];
    this.next = null;
    if (this.filters.author) this.load().catch((error) => this.admin.fail(error));
    else this.draw();
  };

  render() {
    const sum = this.rows.reduce((sum, file) => sum + (file.size ?? 0), 0);
    return html`<div class="filters">${this.filter("author", say("files.author"))}</div>
      ${this.rows.length ? html`<p>${say("files.sum", { count: this.rows.length, size: size(sum) })}</p>` : ""}
      ${this.table(["name", "type", "size", "created"].map((key) => say(`files.${key}`)), (file) => [
        file.name,
        file.type,
        size(file.size),
        file.created ? date(file.created) : "–",
      ])}`;
  }
}
