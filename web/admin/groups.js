// Groups, without their messages.

import { html, nothing } from "../vendor/lit.js";
import { Part } from "./part.js";
import { number, say } from "./words.js";

export class Groups extends Part {
  filters = { fields: "id name owner members_count open slow" };

  get path() {
    return "groups/";
  }

  render() {
    const state = ({ open, slow }) => [open && say("groups.open"), slow && say("groups.slow", { seconds: slow })].filter(Boolean).join(", ");
    const isPrivate = ({ name }) => name === "@";
    return html`<p class="quiet">${say("groups.hint")}</p>
      ${this.table(["name", "id", "owner", "members", "state"].map((key) => say(`groups.${key}`)), (group) => [
        isPrivate(group) ? say("groups.private") : group.name,
        html`<code>${group.id}</code>`,
        isPrivate(group) ? nothing : (group.owner?.[0] ?? nothing),
        number(group.members_count ?? 0),
        state(group),
      ])}`;
  }
}
