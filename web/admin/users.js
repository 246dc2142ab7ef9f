// Users and their suspensions.

import { html, nothing } from "../vendor/lit.js";
import { Part } from "./part.js";
import { date, say } from "./words.js";

const at = (name) => `users/${encodeURIComponent(name)}/`;
const DAY = 24 * 3600_000;

const FIELDS = "name display_name kind origin created last_seen admin suspended";

export class Users extends Part {
  filters = { fields: FIELDS };
  /** The names of special users, whom only the service may change. */
  #special = new Set();

  get path() {
    return "users/";
  }

  async begin() {
    const settings = await this.api.call("GET", "settings/");
    this.#special = new Set(settings["users.special"]);
    await this.load();
  }

  render() {
    return html`<div class="filters">${this.filter("q", say("users.begins"))}</div>
      ${this.table(["name", "kind", "origin", "created", "seen", "state", "acts"].map((key) => say(`users.${key}`)), (user) => [
        html`<b>${user.name}</b>${user.display_name ? html`<br><span class="quiet">${user.display_name}</span>` : nothing}`,
        say(`kind.${user.kind}`),
        say(`origin.${user.origin}`),
        date(user.created),
        user.last_seen ? date(user.last_seen) : "–",
        this.#state(user),
        this.#acts(user),
      ])}`;
  }

  #state({ name, admin, suspended }) {
    if (this.#special.has(name)) return html`<span class="tag">${say("users.special")}</span>`;
    if (suspended) return html`<span class="tag warn">${say("users.suspended", { until: date(suspended.until) })}</span><br>${suspended.reason}`;
    return admin ? html`<span class="tag">${say("users.admin")}</span>` : nothing;
  }

  #acts(user) {
    if (user.name === this.admin.me || this.#special.has(user.name)) return nothing;
    return html`<div class="acts">
      ${user.admin ? nothing : this.#suspension(user)}
      <button @click=${() => this.#signOut(user)}>${say("users.sign_out")}</button>
    </div>`;
  }

  #suspension(user) {
    return user.suspended
      ? html`<button @click=${() => this.#lift(user)}>${say("users.lift")}</button>`
      : html`<button @click=${() => this.#suspend(user)}>${say("users.suspend")}</button>`;
  }

  #signOut({ name }) {
    const question = {
      title: say("users.sign_out.title", { name }),
      hint: say("users.sign_out.hint"),
      yes: say("users.sign_out"),
      danger: true,
    };
    this.admin.act(question, () => this.api.call("DELETE", `${at(name)}tokens/`));
  }

  #suspend(user) {
    const values = {};
    const week = new Date(Date.now() + 7 * DAY).toISOString().slice(0, 10);
    const question = {
      title: say("users.suspend.title", { name: user.name }),
      hint: say("users.suspend.hint"),
      yes: say("users.suspend"),
      danger: true,
      values,
      fields: [
        { name: "until", label: say("users.suspend.until"), type: "date", value: week, required: true },
        { name: "reason", label: say("users.suspend.reason"), max: 500 },
      ],
    };
    this.admin.act(question, async () => {
      const suspended = { until: new Date(`${values.until}T00:00:00`).toISOString(), reason: values.reason.trim() || null };
      this.replace(user, { ...user, ...(await this.api.call("PATCH", at(user.name), { suspended })) });
    });
  }

  #lift(user) {
    this.admin.act({ title: say("users.lift.title", { name: user.name }), yes: say("users.lift") }, async () => {
      this.replace(user, { ...user, ...(await this.api.call("PATCH", at(user.name), { suspended: null })) });
    });
  }
}
