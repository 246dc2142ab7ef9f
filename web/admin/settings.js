// The current settings.

import { html } from "../vendor/lit.js";
import { Part } from "./part.js";
import { say } from "./words.js";

export class Settings extends Part {
  #find = "";

  async load() {
    const settings = await this.api.call("GET", "settings/");
    this.rows = Object.entries(settings).map(([name, value]) => ({ name, value }));
    this.draw();
  }

  /** The list is complete, so it is filtered here. */
  filter(name, label) {
    const find = (event) => {
      this.#find = event.target.value.trim();
      this.draw();
    };
    return html`<label>${label} <input type="search" .value=${this.#find} @input=${find}></label>`;
  }

  render() {
    const all = this.rows;
    const shown = all.filter(({ name }) => name.includes(this.#find));
    this.rows = shown;
    const table = this.table([say("settings.name"), say("settings.value")], ({ name, value }) => [
      html`<code>${name}</code>`,
      html`<code>${JSON.stringify(value)}</code>`,
    ]);
    this.rows = all;
    return html`<p class="quiet">${say("settings.hint")}</p>
      <div class="filters">${this.filter("name", say("settings.find"))}</div>${table}`;
  }
}
