// The people panel: contacts, invitations, blocks, and what can be done about each.

import { $, attempt, el, fillList, onSubmit } from "./dom.js";
import { presenceDot, presenceWord } from "./presence.js";
import { Refusal } from "./words.js";

const SECTIONS = [
  ["invited_by", "Invitations for you", ["Accept", "Deny", "Block"], null],
  ["contacts", "Contacts", ["Message", "Remove", "Block"], "No contact yet. Invite someone by name."],
  ["invitations", "Invitations sent", ["Withdraw"], null],
  ["blockeds", "Blocked", ["Unblock"], null],
];

const OPERATIONS = {
  Invite: "invitation",
  Accept: "contact",
  Deny: "deny",
  Withdraw: "remove",
  Remove: "remove",
  Block: "block",
  Unblock: "remove",
};

export class PeopleView {
  #lists = new Map();

  constructor(app) {
    this.app = app;
    for (const [set, title, , none] of SECTIONS) this.#section(set, title, none);
    onSubmit($("invite-form"), $("people-error"), () => this.#invite());
  }

  render() {
    const { store } = this.app;
    for (const [set, , verbs, none] of SECTIONS) {
      const names = [...store.relations[set]].sort((a, b) => a.localeCompare(b));
      const { section, list, empty } = this.#lists.get(set);
      section.hidden = !names.length && !none;
      empty.hidden = names.length > 0;
      const models = names.map((name) => ({ key: name, verbs, presence: store.presenceOf(name) }));
      fillList(list, models, (model) => this.#person(model));
    }
  }

  #section(set, title, none) {
    const list = el("ul", { role: "list", "aria-label": title });
    const empty = el("p", { class: "quiet" }, none ?? "");
    const section = el("section", {}, el("h3", {}, title), list, empty);
    $("relations").append(section);
    this.#lists.set(set, { section, list, empty });
  }

  #person({ key: name, verbs, presence }) {
    const buttons = verbs.map((verb) => this.#button(verb, name));
    const word = presenceWord(presence);
    const status = word && el("span", { class: "quiet" }, word);
    return [
      el("span", { class: "title" }, presenceDot(presence), el("bdi", {}, name), status),
      el("span", { class: "row" }, ...buttons),
    ];
  }

  #button(verb, name) {
    if (verb !== "Message") return relationButton(this.app, verb, name, $("people-error"));
    return el("button", { type: "button", "aria-label": `Message ${name}`, onclick: () => this.app.openWith(name) }, verb);
  }

  async #invite() {
    const name = $("invite-name").value.trim();
    const { contacts, invitations, blockeds } = this.app.store.relations;
    // These change nothing on the server, so nothing would come back to say so.
    if (contacts.has(name)) throw new Refusal(`${name} is your contact already.`);
    if (invitations.has(name)) throw new Refusal(`You have invited ${name} already.`);
    if (blockeds.has(name)) throw new Refusal(`You have blocked ${name}. Unblock first.`);
    await this.app.connection.request("contact.update", { name, operation: OPERATIONS.Invite });
    $("invite-form").reset();
  }
}

/** A button that changes how one stands to someone, and says in `place` if it is refused. */
export function relationButton(app, verb, name, place) {
  const act = () => app.connection.request("contact.update", { name, operation: OPERATIONS[verb] });
  return el("button", { type: "button", "aria-label": `${verb} ${name}`, onclick: () => attempt(place, act) }, verb);
}
