// The open conversation around its messages: title, what can be done with it, the members and settings of a group.

import { $, ask, attempt, el, fillList, namesIn, onSubmit, setText } from "./dom.js";
import { isPrivate, ROLES, roleOf } from "./group.js";
import { relationButton } from "./people.js";
import { presenceWord } from "./presence.js";

const ROLE_WORDS = { owner: "owner", admins: "admin", members: "member", restricts: "read only" };

export class ConversationView {
  #actions = "";

  constructor(app) {
    this.app = app;
    const error = $("group-error");
    onSubmit($("group-add-form"), error, () => this.#add());
    onSubmit($("group-rename-form"), error, () => this.#rename());
    $("group-quit").onclick = () => attempt(error, () => this.#end("group.quit", "Leave", "Leave the group"));
    const erase = () => this.#end("group.delete", "Delete", "Delete for everyone the group");
    $("group-delete").onclick = () => attempt(error, erase);
  }

  render() {
    const { store } = this.app;
    const group = store.openGroup;
    $("conversation-open").hidden = !store.current;
    $("conversation-empty").hidden = Boolean(store.current);
    if (!store.current) return;
    const person = group ? isPrivate(group) && store.other(group) : store.current.to;
    setText($("conversation-title"), group ? store.title(group) : store.current.to);
    setText($("conversation-about"), about(store, group, person));
    this.#renderActions(person);
    $("group").hidden = !group || isPrivate(group);
    if (!$("group").hidden) this.#renderGroup(group);
  }

  /** When another conversation is opened, what was said or typed about the last one goes. */
  reset() {
    for (const id of ["conversation-error", "group-error"]) $(id).textContent = "";
    for (const id of ["group-add-form", "group-rename-form"]) $(id).reset();
    $("group").open = false;
  }

  #renderActions(person) {
    const verbs = person ? verbsFor(this.app.store.relations, person) : [];
    const wanted = JSON.stringify([person, verbs]);
    if (wanted === this.#actions) return;
    this.#actions = wanted;
    const buttons = verbs.map((verb) => relationButton(this.app, verb, person, $("conversation-error")));
    $("conversation-actions").replaceChildren(...buttons);
  }

  #renderGroup(group) {
    const { me } = this.app.store;
    const mine = roleOf(group, me);
    const manages = mine === "owner" || mine === "admins";
    const removable = (role) => role !== "owner" && (mine === "owner" || (manages && role !== "admins"));
    const describe = (role) => (name) => ({ key: name, role, removable: removable(role) && name !== me });
    const members = ROLES.flatMap((role) => group[role].map(describe(role)));
    fillList($("group-members"), members, (member) => this.#member(member));
    for (const id of ["group-add-form", "group-rename-form"]) $(id).hidden = !manages;
    $("group-delete").hidden = mine !== "owner";
  }

  #member({ key: name, role, removable }) {
    const onclick = () => attempt($("group-error"), () => this.#update({ remove: [name] }));
    const label = `Remove ${name} from the group`;
    return [
      el("span", { class: "title" }, el("bdi", {}, name), el("span", { class: "quiet" }, ROLE_WORDS[role])),
      removable && el("button", { type: "button", "aria-label": label, onclick }, "Remove"),
    ];
  }

  #update(change) {
    return this.app.connection.request("group.update", { id: this.app.store.current.group, ...change });
  }

  async #add() {
    await this.#update({ members: namesIn($("group-add").value) });
    $("group-add-form").reset();
  }

  async #rename() {
    await this.#update({ name: $("group-rename").value.trim() });
    $("group-rename-form").reset();
  }

  async #end(type, verb, question) {
    const group = this.app.store.openGroup;
    if (await ask(`${question} “${group.name}”?`, verb)) await this.app.connection.request(type, { group: group.id });
  }
}

function about(store, group, person) {
  if (person) return presenceWord(store.presenceOf(person));
  if (!group || isPrivate(group)) return "";
  const count = ROLES.reduce((sum, role) => sum + group[role].length, 0);
  return count === 1 ? "1 member" : `${count} members`;
}

function verbsFor(relations, person) {
  if (relations.blockeds.has(person)) return ["Unblock"];
  if (relations.invited_by.has(person)) return ["Accept", "Block"];
  const known = relations.contacts.has(person) || relations.invitations.has(person) || relations.blocked_by.has(person);
  return known ? ["Block"] : ["Invite", "Block"];
}
