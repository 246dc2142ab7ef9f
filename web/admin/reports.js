// Reports of messages: read them, delete the message, close them.

import { html, nothing } from "../vendor/lit.js";
import { Part } from "./part.js";
import { date, say } from "./words.js";

const STATES = ["open", "resolved", "dismissed"];

export class Reports extends Part {
  filters = { state: "open" };
  /** The names of the reports' groups by id; null for deleted groups. */
  #groups = new Map();

  get path() {
    return "reports/";
  }

  async load(cursor = null) {
    await super.load(cursor);
    const unknown = new Set(this.rows.map(({ group }) => group).filter((id) => !this.#groups.has(id)));
    await Promise.all([...unknown].map(async (id) => this.#groups.set(id, await this.#nameOf(id))));
    this.draw();
  }

  async #nameOf(group) {
    try {
      const { name } = await this.api.call("GET", `groups/${group}/?fields=name`);
      return name === "@" ? say("groups.private") : name;
    } catch (error) {
      if (error.code === 404) return null;
      throw error;
    }
  }

  render() {
    const states = [...STATES, ""].map((state) => [state, say(`reports.state.${state || "all"}`)]);
    return html`<div class="filters">${this.filter("state", say("reports.state"), states)}</div>
      ${this.pages(() => html`<ul class="reports">${this.rows.map((report) => html`<li class="card">${this.#report(report)}</li>`)}</ul>`)}`;
  }

  #report(report) {
    const { state, group, author, reporter, body, reason, note } = report;
    const text = body === null ? say("reports.gone") : body || say("reports.empty");
    const fact = (key, value) => html`<div><dt>${say(`reports.${key}`)}</dt><dd dir="auto">${value ?? "–"}</dd></div>`;
    return html`<p><span class=${state === "open" ? "tag warn" : "tag"}>${say(`reports.state.${state}`)}</span> <span class="quiet">${date(report.date)}</span></p>
      <blockquote class=${body ? "" : "quiet"} dir="auto">${text}</blockquote>
      <dl>${fact("author", author)}${fact("reporter", reporter)}${fact("group", this.#groups.get(group))}${fact("reason", reason)}${note ? fact("note", note) : nothing}</dl>
      ${this.#acts(report)}`;
  }

  #acts(report) {
    const others = STATES.filter((state) => state !== report.state);
    return html`<div class="acts">
      ${others.map((state) => html`<button @click=${() => this.#close(report, state)}>${say(`reports.to.${state}`)}</button>`)}
      <button @click=${() => this.#note(report)}>${say("reports.note")}</button>
      ${report.state === "open" ? html`<button class="danger" @click=${() => this.#delete(report)}>${say("reports.delete")}</button>` : nothing}
    </div>`;
  }

  /** Changes a report after a confirmation, and shows its new state until the list is loaded again. */
  #change(report, question, state = undefined) {
    const values = {};
    const fields = [{ name: "note", label: say("reports.note"), value: report.note ?? "", max: 1000 }];
    this.admin.act({ ...question, values, fields }, async () => {
      const note = values.note.trim() || null;
      this.replace(report, await this.api.call("PATCH", `reports/${report.id}/`, { state, note }));
    });
  }

  #close(report, state) {
    const hint = report.state === "open" ? say("reports.close.hint") : "";
    this.#change(report, { title: say(`reports.to.${state}.title`), hint, yes: say(`reports.to.${state}`) }, state);
  }

  #note(report) {
    this.#change(report, { title: say("reports.note.title"), yes: say("reports.note.save") });
  }

  #delete(report) {
    const question = { title: say("reports.delete.title"), hint: report.body ?? "", yes: say("reports.delete"), danger: true };
    this.admin.act(question, async () => {
      try {
        await this.api.call("DELETE", `messages/${report.message}/`);
      } catch (error) {
        // Its author or another administrator has deleted it already.
        if (error.code !== 404) throw error;
      }
      this.replace(report, await this.api.call("PATCH", `reports/${report.id}/`, { state: "resolved" }));
    });
  }
}
