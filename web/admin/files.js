// Files and quotas: what each user uses of the quota, and the files of one user.

import { html, nothing } from "../vendor/lit.js";
import { Part } from "./part.js";
import { number, say, size } from "./words.js";

const FIELDS = "name display_name files";

export class Files extends Part {
  filters = { fields: FIELDS };
  /** The user whose files are shown; null while the list shows all users. */
  #author = null;
  /** The quota of a user in bytes; null if files are off. */
  #quota = null;

  get path() {
    return this.#author === null ? "users/" : "files/";
  }

  async begin() {
    const { files } = await this.api.call("GET", "server/");
    this.#quota = files?.per_user ?? null;
    await this.load();
  }

  #show(author) {
    this.#author = author;
    this.filters = author === null ? { fields: FIELDS } : { author };
    this.rows = [];
    this.next = null;
    this.reload();
  }

  render() {
    if (this.#quota === null) return html`<p class="quiet" role="status">${say(this.loading ? "loading" : "files.off")}</p>`;
    return this.#author === null ? this.#users() : this.#files();
  }

  #users() {
    return html`<p class="quiet">${say("files.hint", { quota: size(this.#quota) })}</p>
      <div class="filters">${this.filter("q", say("users.begins"))}</div>
      ${this.table(["user", "count", "used", "share", "acts"].map((key) => say(`files.${key}`)), ({ name, display_name, files }) => [
        html`<b>${name}</b>${display_name ? html`<br><span class="quiet">${display_name}</span>` : nothing}`,
        number(files.count),
        size(files.size),
        this.#share(name, files.size),
        files.count ? html`<button @click=${() => this.#show(name)}>${say("files.show")}</button>` : nothing,
      ])}`;
  }

  #share(name, used) {
    const percent = Math.min(100, (100 * used) / this.#quota);
    return html`<span class="whole"><meter min="0" max="100" high="90" .value=${percent} aria-label=${say("files.share.of", { name })}></meter> ${say("files.percent", { percent: number(percent) })}</span>`;
  }

  #files() {
    return html`<p><button @click=${() => this.#show(null)}>${say("files.all")}</button></p>
      <h2 class="over">${say("files.of", { name: this.#author })}</h2>
      ${this.table(["name", "type", "size", "id"].map((key) => say(`files.${key}`)), (file) => [
        file.name,
        file.type,
        size(file.size),
        html`<code class="whole">${file.id}</code>`,
      ])}`;
  }
}
