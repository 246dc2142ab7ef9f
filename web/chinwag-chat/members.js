// The members of a group: a paged list with a search and the actions for each member.

import { html, nothing, repeat } from "../vendor/lit.js";
import { bot, face, nameButton } from "./face.js";
import { Part, define } from "./part.js";
import { Popup } from "./popup.js";
import { withBreaks } from "./text.js";

/** The names of roles in requests, by those in the list. */
const LISTS = { owner: "owner", admin: "admins", member: "members", restrict: "restricts" };
/** The number of members from which the search is shown. */
const SEARCH_FROM = 8;
const PAGE = 50;
const SEARCH_PAUSE = 200;
const TOPICS = new Set(["profile", "presence", "user", "relations", "view", "state"]);

/** Whether this user may change or remove a member of that role. The server decides; this only decides the offer. */
const above = (group, role) => role !== "owner" && (group.role === "owner" || (group.role === "admins" && role !== "admin"));

export class Members extends Part {
  #group = null;
  #rows = [];
  #next = null;
  #query = "";
  #era = 0;
  #searching = 0;

  changed({ detail }) {
    if (detail.topic === "group" && detail.group === this.#group) this.#load();
    else if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const group = this.chat.openGroup;
    if (!group) return nothing;
    if (group !== this.#group) this.#begin(group);
    const label = this.say("group.members");
    return html`<div class="section">
      <h3 class="kicker">${label} · ${group.membersCount}</h3>
      ${this.refusal("members")}
      ${group.membersCount >= SEARCH_FROM || this.#query ? this.#search() : nothing}
      <ul role="list" data-roving aria-label=${label}>
        ${repeat(this.#rows, ({ name }) => name, (member) => html`<li class="member">${this.#member(group, member)}</li>`)}
      </ul>
      ${this.#rows.length ? nothing : html`<p class="quiet small" role="status">${this.#query ? this.say("group.none") : ""}</p>`}
      ${this.#next ? html`<button @click=${() => this.#more()}>${this.say("group.more")}</button>` : nothing}
      ${this.refusal("members-more")}
    </div>`;
  }

  #search() {
    const search = ({ target }) => {
      this.#query = target.value.trim();
      clearTimeout(this.#searching);
      this.#searching = setTimeout(() => this.#load(), SEARCH_PAUSE);
    };
    return html`<label class="unseen" for="members-search">${this.say("group.search")}</label>
      <input id="members-search" type="search" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="128" dir="auto"
        placeholder=${this.say("group.search")} .value=${this.#query} @input=${search}>`;
  }

  /** Starts with another group, from local data until the server has answered. */
  #begin(group) {
    this.#group = group;
    this.#query = "";
    this.#next = null;
    this.error = "";
    const known = Object.entries(LISTS).flatMap(([role, list]) => group[list].map((name) => ({ name, role, pending: false })));
    this.#rows = known.slice(0, PAGE);
    this.#load();
  }

  /** Loads as many pages as were shown, at least one. */
  async #load() {
    const [group, query, era] = [this.#group, this.#query, (this.#era += 1)];
    await this.attempt(async () => {
      const limit = Math.min(1000, Math.max(PAGE, this.#rows.length));
      const { members, next } = await this.chat.client.loadMembers(group.id, { query, limit });
      if (era === this.#era) [this.#rows, this.#next] = [members, next];
    }, "members");
  }

  #more() {
    const [group, query, era, cursor] = [this.#group, this.#query, this.#era, this.#next];
    return this.once(async () => {
      const { members, next } = await this.chat.client.loadMembers(group.id, { query, cursor, limit: PAGE });
      if (era === this.#era) [this.#rows, this.#next] = [[...this.#rows, ...members], next];
    }, "members-more");
  }

  #member(group, { name, role, pending }) {
    const { client } = this.chat;
    const me = name === this.chat.me;
    const changeable = !me && above(group, role);
    const profile = client.profileOf(name);
    const shown = client.nameOf(name);
    return html`${face(name, { little: true, status: this.chat.statusOf(name), profile })}
      <div class="name">${nameButton(this, name, withBreaks(me ? this.say("group.you", { name: shown }) : shown))} ${bot(this, profile)}
        ${profile.display_name ? html`<p class="quiet tiny"><bdi>${name}</bdi></p>` : nothing}
        ${pending ? html`<p class="quiet tiny">${this.say("group.pending")}</p>` : nothing}</div>
      <div class="row">
        ${changeable ? this.#roles(group, name, role) : html`<span class="quiet small">${this.#word(role)}</span>`}
        ${changeable ? this.#remove(group, name) : nothing}
      </div>`;
  }

  #word(role) {
    return this.say(role === "member" ? "group.members.one" : `group.${LISTS[role]}`);
  }

  #roles(group, name, role) {
    const options = Object.keys(LISTS).filter((each) => each !== "owner" || group.role === "owner");
    const choose = async (event) => {
      const { target } = event;
      const chosen = target.value;
      if (chosen !== "owner" || (await this.#handOver(group, name))) await this.#update(group, { [LISTS[chosen]]: [name] });
      // Reset to the server's state.
      target.value = this.#rows.find((each) => each.name === name)?.role ?? role;
    };
    const option = (each) => html`<option value=${each} ?selected=${each === role}>${each === "owner" ? this.say("group.handOver.do") : this.#word(each)}</option>`;
    return html`<select aria-label=${this.say("group.role", { name })} .value=${role} @change=${choose}>${options.map(option)}</select>`;
  }

  #remove(group, name) {
    const act = (verb) => async () => {
      const title = this.say(`group.${verb}.ask`, { name: this.chat.called(name), group: group.name });
      const sure = await this.chat.ask({ title, hint: this.say(`group.${verb}.hint`), yes: this.say(`group.${verb}.do`), danger: true });
      if (sure) await this.#update(group, { [verb]: [name] });
    };
    return html`<chinwag-member-menu .chat=${this.chat} .name=${name} .acts=${{ remove: act("remove"), ban: act("ban") }}></chinwag-member-menu>`;
  }

  #handOver(group, name) {
    return this.chat.ask({
      title: this.say("group.handOver.ask", { name, group: group.name }),
      hint: this.say("group.handOver.hint", { name }),
      yes: this.say("group.handOver.do"),
    });
  }

  async #update(group, change) {
    // The list may be long: an error above it could be invisible.
    const done = await this.chat.attempt(() => this.chat.client.updateGroup(group.id, change).then(() => true));
    if (done) await this.#load();
  }
}

/** The ways to remove a member. */
class MemberMenu extends Popup {
  static properties = { ...Popup.properties, name: {}, acts: { attribute: false } };

  changed() {}

  render() {
    const name = this.chat.called(this.name);
    const item = (verb) => this.item(this.say(`group.${verb}.do`), this.acts[verb], { kind: "danger", label: this.say(`group.${verb}`, { name }) });
    return this.popup(this.say("people.more", { name }), () => Object.keys(this.acts).map(item), "compact");
  }
}

define("chinwag-member-menu", MemberMenu);
define("chinwag-members", Members);
