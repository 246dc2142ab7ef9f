// Reports of messages: read them, delete the message, close them.

import { html, nothing } from "../vendor/lit.js";
import { Part } from "./part.js";
import { date, say } from "./words.js";

const STATES = ["open", "resolved", "dismissed"];

export class Reports extends Part {
  filters = { state: "open" };

  get path() {
    return "reports/";
  }

  render() {
    const states = ["", ...STATES].map((state) => [state, say(`reports.state.${state || "all"}`)]);
    return html`<div class="filters">${this.filter("state", say("reports.state"), states)}</div>
      ${this.table(["date", "author", "body", "reporter", "reason", "state", ""].map((key) => key && say(`reports.${key}`)), (report) => [
        date(report.date),
        report.author ? html`<a href="#users/${encodeURIComponent(report.author)}">${report.author}</a>` : "–",
        report.body ?? html`<span class="quiet">${say("reports.gone")}</span>`,
        report.reporter ?? "–",
        report.reason,
        html`${say(`reports.state.${report.state}`)}${report.note ? html`<br><span class="quiet">${report.note}</span>` : nothing}`,
        this.#acts(report),
      ])}`;
  }

  #acts(report) {
    const others = STATES.filter((state) => state !== report.state);
    return html`<div class="acts">
      ${report.state === "open" ? html`<button class="danger" @click=${() => this.#delete(report)}>${say("reports.delete")}</button>` : nothing}
      ${others.map((state) => html`<button @click=${() => this.#close(report, state)}>${say(`reports.to.${state}`)}</button>`)}
    </div>`;
  }

  #close(report, state) {
    const values = {};
    const fields = [{ name: "note", label: say("reports.note"), value: report.note ?? "", max: 1000 }];
    this.admin.act({ title: say(`reports.to.${state}.title`), yes: say(`reports.to.${state}`), values, fields }, async () => {
      const changed = await this.api.call("PATCH", `reports/${report.id}/`, { state, note: values.note || null });
      this.replace(report, changed);
    });
  }

  #delete(report) {
    const question = { title: say("reports.delete.title"), hint: report.body ?? "", yes: say("reports.delete"), danger: true };
    this.admin.act(question, async () => {
      await this.api.call("DELETE", `messages/${report.message}/`);
      this.replace(report, await this.api.call("PATCH", `reports/${report.id}/`, { state: "resolved" }));
    });
  }
}
