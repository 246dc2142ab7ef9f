// The pane beside a conversation: the members of a group and their roles, or the other user of a private one.

import { html, nothing, repeat } from "../vendor/lit.js";
import "./bans.js";
import { about, detailsForm } from "./details.js";
import { bot, face, nameButton } from "./face.js";
import { cross } from "./icons.js";
import "./invites.js";
import "./members.js";
import { Part, define } from "./part.js";
import { relationButton, verbsFor } from "./people.js";
import { namesIn } from "./text.js";

const TOPICS = new Set(["group", "profile", "groups", "relations", "presence", "user", "open", "view"]);

/** The fields that can show an error. */
const FIELDS = new Set(["description", "avatar", "keep"]);

const manages = (group) => group.role === "owner" || group.role === "admins";

export class Group extends Part {
  /** The group whose forms are open, if any. */
  #edited = null;
  /** Whether the details were saved. */
  saved = false;

  changed({ detail }) {
    if (detail.topic === "open") [this.error, this.saved] = ["", false];
    if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const { chat } = this;
    const group = chat.openGroup;
    const person = group ? group.other : chat.current?.to;
    const title = group && !group.private ? this.say("group.title") : person ? this.say("conversation.person", { name: chat.called(person) }) : group ? chat.title(group) : "";
    return html`<div class="bar">
        <h2 class="title grow">${title}</h2>
        <button class="icon" aria-label=${this.say("close")} @click=${() => this.close()}>${cross}</button>
      </div>
      <div class="scroll">
        ${group && !group.private ? this.#group(group) : person ? this.#person(person) : group && !group.notes ? html`<p class="section">${this.say("compose.gone")}</p>` : nothing}
      </div>`;
  }

  /** Closes the details. The focus returns to their button. */
  close() {
    this.focusNext(".middle .bar [aria-expanded]");
    this.chat.show({ pane: "chat" });
  }

  #person(name) {
    const { chat } = this;
    const verbs = verbsFor(chat.client.relations, name);
    const profile = chat.client.profileOf(name);
    return html`<div class="section stack">
      <div class="row">${face(name, { status: chat.statusOf(name), profile })}
        <div>${nameButton(this, name, chat.client.nameOf(name))} ${bot(this, profile)}
          ${profile.display_name ? html`<p class="quiet tiny"><bdi>${name}</bdi></p>` : nothing}
          <p class="quiet tiny">${chat.presence(name)}</p></div></div>
      <div class="row wrap">${verbs.map((verb) => relationButton(this, verb, name))}</div>
      ${this.refusal("")}
    </div>`;
  }

  #group(group) {
    return html`${about(this, group)}
      ${manages(group) ? repeat([group], ({ id }) => id, () => [this.#adding(group), this.#editing(group)]) : nothing}
      <div class="section row wrap">
        <button @click=${() => this.#quit(group)}>${this.say("group.quit")}</button>
        ${group.role === "owner" ? html`<button class="danger" @click=${() => this.#delete(group)}>${this.say("group.delete")}</button>` : nothing}
        ${this.refusal("group-quit")}
      </div>
      ${manages(group) ? html`<chinwag-invites .chat=${this.chat}></chinwag-invites>` : nothing}
      <chinwag-members .chat=${this.chat}></chinwag-members>
      ${manages(group) ? html`<chinwag-bans .chat=${this.chat}></chinwag-bans>` : nothing}`;
  }

  #adding(group) {
    const names = async (text) => ({ members: await namesIn(text, (word) => this.chat.client.findUser(word)) });
    return this.#form(group, "group-add", "group.add", names, "none");
  }

  #editing(group) {
    const isOpen = this.#edited === group.id;
    const toggle = () => {
      this.#edited = isOpen ? null : group.id;
      this.saved = false;
      this.requestUpdate();
    };
    return html`<div class="section"><button aria-expanded=${String(isOpen)} @click=${toggle}>${this.say("group.edit")}</button></div>
      ${isOpen
        ? [this.#form(group, "group-rename", "group.rename", (text) => ({ name: text }), "sentences", group.name), detailsForm(this, group, (change) => this.#save(group, change))]
        : nothing}`;
  }

  async #save(group, change) {
    this.saved = false;
    await this.once(async () => {
      try {
        await this.chat.client.updateGroup(group.id, change);
        this.saved = true;
      } catch (error) {
        const wrong = error.fields?.find(({ field }) => FIELDS.has(field));
        if (wrong) this.place = `group-${wrong.field}`;
        throw error;
      }
    }, "group-details");
    // The field may be outside of the view.
    if (this.error) this.querySelector(`#${this.place}`)?.focus();
  }

  #form(group, id, key, change, checks, value = "") {
    return html`<form class="section stack" novalidate @submit=${(event) => this.#submit(event, group, change)}>
      <label for=${id}>${this.say(key)}</label>
      <div class="row">
        <input id=${id} name="text" value=${value} autocomplete="off" maxlength="4000" dir="auto" autocapitalize=${checks} spellcheck="false"
          aria-describedby="${id}-error">
        <button>${this.say(`${key}.do`)}</button>
      </div>
      ${this.refusal(id)}
    </form>`;
  }

  #submit(event, group, change) {
    event.preventDefault();
    const form = event.target;
    const text = form.elements.text.value.trim();
    this.once(async () => {
      if (!text) throw this.chat.refuse("error.required");
      await this.chat.client.updateGroup(group.id, await change(text));
      form.reset();
    }, form.elements.text.id);
  }

  async #quit(group) {
    const hint = [this.say("group.quit.hint"), group.role === "owner" && this.say("group.quit.owner")];
    const title = this.say("group.quit.ask", { group: group.name });
    const sure = await this.chat.ask({ title, hint, yes: this.say("group.quit.do"), danger: true });
    if (sure) this.attempt(() => this.chat.client.quitGroup(group.id), "group-quit");
  }

  async #delete(group) {
    const title = this.say("group.delete.ask", { group: group.name });
    const sure = await this.chat.ask({ title, hint: this.say("group.delete.hint"), yes: this.say("group.delete.do"), danger: true });
    if (sure) this.attempt(() => this.chat.client.deleteGroup(group.id), "group-quit");
  }
}

define("chinwag-group", Group);
