// The pane beside a conversation: the members of a group and their roles, or the other user of a private one.

import { html, nothing, repeat } from "../vendor/lit.js";
import { face } from "./face.js";
import { cross } from "./icons.js";
import { Part, define } from "./part.js";
import { relationButton, verbsFor } from "./people.js";
import { namesIn, withBreaks } from "./text.js";

const ROLES = ["owner", "admins", "members", "restricts"];
const TOPICS = new Set(["group", "groups", "relations", "presence", "user", "open", "view"]);

const manages = (group) => group.role === "owner" || group.role === "admins";
/** Whether this user may change or remove a member of that role. The server decides; this only decides the offer. */
const above = (group, role) => role !== "owner" && (group.role === "owner" || (group.role === "admins" && role !== "admins"));

export class Group extends Part {
  /** Members who have not accepted yet, and of which group. */
  #pending = new Set();
  #pendingOf = null;

  changed({ detail }) {
    if (detail.topic === "open") this.error = "";
    // No event says that somebody has accepted: the details ask when they open, and when members change.
    if (detail.topic === "group" && detail.group === this.#pendingOf) this.#pendingOf = null;
    if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const { chat } = this;
    const group = chat.openGroup;
    const person = group ? group.other : chat.current?.to;
    const close = () => {
      this.focusNext(".middle .bar [aria-expanded]");
      chat.show({ pane: "chat" });
    };
    const title = group && !group.private ? this.say("group.title") : this.say("conversation.person", { name: person ?? "" });
    return html`<div class="bar">
        <h2 class="title grow">${title}</h2>
        <button class="icon" aria-label=${this.say("close")} @click=${close}>${cross}</button>
      </div>
      <div class="scroll">
        <p class="error" id="group-error" role="alert">${this.error}</p>
        ${group && !group.private ? this.#group(group) : person ? this.#person(person) : nothing}
      </div>`;
  }

  #person(name) {
    const { chat } = this;
    const verbs = verbsFor(chat.client.relations, name);
    return html`<div class="section stack">
      <div class="row">${face(name, { status: chat.client.statusOf(name) })}
        <div><bdi class="name">${name}</bdi><p class="quiet tiny">${chat.presence(name)}</p></div></div>
      <div class="row wrap">${verbs.map((verb) => relationButton(this, verb, name))}</div>
    </div>`;
  }

  /** Asks who has not accepted yet. */
  async #ask(group) {
    this.#pendingOf = group;
    try {
      const names = await this.chat.client.pendingMembers(group.id);
      if (this.chat.openGroup !== group) return;
      this.#pending = new Set(names);
      this.requestUpdate();
    } catch {
      // Without it nobody is marked.
    }
  }

  #group(group) {
    if (this.#pendingOf !== group) this.#ask(group);
    const members = ROLES.flatMap((role) => group[role].map((name) => ({ name, role })));
    const label = this.say("group.members");
    return html`<div class="section">
        <h3 class="kicker">${label} · ${members.length}</h3>
        <ul role="list" aria-label=${label}>
          ${repeat(members, ({ name }) => name, (member) => html`<li class="member">${this.#member(group, member)}</li>`)}
        </ul>
      </div>
      ${manages(group) ? this.#forms(group) : nothing}
      <div class="section row wrap">
        <button @click=${() => this.#quit(group)}>${this.say("group.quit")}</button>
        ${group.role === "owner" ? html`<button class="danger" @click=${() => this.#delete(group)}>${this.say("group.delete")}</button>` : nothing}
      </div>`;
  }

  #member(group, { name, role }) {
    const me = name === this.chat.me;
    const changeable = !me && above(group, role);
    const word = (of) => this.say(of === "members" ? "group.members.one" : `group.${of}`);
    return html`${face(name, { little: true, status: this.chat.client.statusOf(name) })}
      <div class="name"><bdi>${withBreaks(me ? this.say("group.you", { name }) : name)}</bdi>
        ${this.#pending.has(name) ? html`<p class="quiet tiny">${this.say("group.pending")}</p>` : nothing}</div>
      <div class="row">
        ${changeable ? this.#roles(group, name, role, word) : html`<span class="quiet small">${word(role)}</span>`}
        ${changeable ? this.#remove(group, name) : nothing}
      </div>`;
  }

  #roles(group, name, role, word) {
    const options = ROLES.filter((each) => each !== "owner" || group.role === "owner");
    const choose = async (event) => {
      const { target } = event;
      const chosen = target.value;
      if (chosen !== "owner" || (await this.#handOver(group, name))) await this.#update(group, { [chosen]: [name] });
      // The server's state is the current one.
      target.value = ROLES.find((each) => group[each].includes(name)) ?? role;
    };
    const option = (each) => html`<option value=${each} ?selected=${each === role}>${each === "owner" ? this.say("group.handOver.do") : word(each)}</option>`;
    return html`<select aria-label=${this.say("group.role", { name })} .value=${role} @change=${choose}>${options.map(option)}</select>`;
  }

  #remove(group, name) {
    const { chat } = this;
    const remove = async () => {
      const title = this.say("group.remove.ask", { name, group: group.name });
      const hint = this.say("group.remove.hint");
      const sure = await chat.ask({ title, hint, yes: this.say("people.remove"), danger: true });
      if (sure) this.#update(group, { remove: [name] });
    };
    return html`<button class="icon compact" aria-label=${this.say("group.remove", { name })} @click=${remove}>${cross}</button>`;
  }

  #handOver(group, name) {
    return this.chat.ask({
      title: this.say("group.handOver.ask", { name, group: group.name }),
      hint: this.say("group.handOver.hint", { name }),
      yes: this.say("group.handOver.do"),
    });
  }

  #forms(group) {
    const form = (id, key, change, checks) => html`<form class="section stack" novalidate @submit=${(event) => this.#submit(event, group, change)}>
      <label for=${id}>${this.say(key)}</label>
      <div class="row">
        <input id=${id} name="text" autocomplete="off" maxlength="4000" dir="auto" autocapitalize=${checks} spellcheck="false"
          aria-describedby="group-error">
        <button>${this.say(`${key}.do`)}</button>
      </div>
    </form>`;
    return html`${form("group-add", "group.add", async (text) => ({ members: await namesIn(text, (word) => this.chat.client.findUser(word)) }), "none")}
      ${form("group-rename", "group.rename", (text) => ({ name: text }), "sentences")}`;
  }

  #submit(event, group, change) {
    event.preventDefault();
    const form = event.target;
    const text = form.elements.text.value.trim();
    this.attempt(async () => {
      if (!text) throw this.chat.refuse("error.required");
      await this.chat.client.updateGroup(group.id, await change(text));
      form.reset();
    });
  }

  #update(group, change) {
    return this.attempt(() => this.chat.client.updateGroup(group.id, change));
  }

  async #quit(group) {
    const hint = [this.say("group.quit.hint"), group.role === "owner" && this.say("group.quit.owner")];
    const title = this.say("group.quit.ask", { group: group.name });
    const sure = await this.chat.ask({ title, hint, yes: this.say("group.quit.do"), danger: true });
    if (sure) this.attempt(() => this.chat.client.quitGroup(group.id));
  }

  async #delete(group) {
    const title = this.say("group.delete.ask", { group: group.name });
    const sure = await this.chat.ask({ title, hint: this.say("group.delete.hint"), yes: this.say("group.delete.do"), danger: true });
    if (sure) this.attempt(() => this.chat.client.deleteGroup(group.id));
  }
}

define("chinwag-group", Group);
