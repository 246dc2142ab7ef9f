// Contacts, invitations and blocks, with their actions.

import { html, nothing, repeat } from "../vendor/lit.js";
import { bot, face, nameButton } from "./face.js";
import { Part, define } from "./part.js";
import { Popup } from "./popup.js";
import { Span } from "./span.js";

/** The actions of each list: the first one is a button, the others are in a menu. */
const SECTIONS = [
  ["invited_by", ["accept", "deny", "block"]],
  ["contacts", ["message", "remove", "block"]],
  ["invitations", ["withdraw"]],
  ["blockeds", ["unblock"]],
];
const OPERATIONS = { accept: "contact", deny: "deny", withdraw: "remove", remove: "remove", block: "block", unblock: "remove", invite: "invitation" };
/** Actions that need a confirmation. */
const ASKED = new Set(["remove", "block"]);
const TOPICS = new Set(["relations", "profile", "presence", "user", "view", "state"]);

export class People extends Part {
  #span = new Span(this, { frame: "section", list: "ul.contacts", row: "li", gap: 0 });
  /** The last focused contact. */
  #stop = null;

  changed({ detail }) {
    if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  updated() {
    this.#span.put();
  }

  render() {
    return html`<section class="scroll" @scroll=${this.#span} aria-label=${this.say("people.title")} part="people">
      <form class="stack section" @submit=${this.#invite}>
        <label for="invite-name">${this.say("people.invite")}</label>
        <div class="row">
          <input id="invite-name" name="name" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="256"
            required dir="auto" aria-describedby="invite-hint people-error">
          <button class="primary">${this.say("people.invite.do")}</button>
        </div>
        <p class="hint" id="invite-hint">${this.say("people.invite.hint")}</p>
        <p class="error" id="people-error" role="alert">${this.error}</p>
      </form>
      ${SECTIONS.map(([set, verbs]) => this.#section(set, verbs))}
    </section>`;
  }

  #section(set, verbs) {
    const { order } = this.chat.words;
    const names = [...this.chat.client.relations[set]].sort((a, b) => order.compare(a, b));
    const none = set === "contacts" ? html`<p class="quiet small">${this.say("people.contacts.none")}</p>` : nothing;
    if (!names.length && none === nothing) return nothing;
    const title = this.say(`people.${set}`);
    const person = (name) => html`<li class="person">${this.#person(name, false, verbs)}</li>`;
    const list = () => html`<ul role="list" data-roving aria-label=${title}>${repeat(names, (name) => name, person)}</ul>`;
    return html`<div class="section">
      <h2 class="kicker">${title}</h2>
      ${!names.length ? none : set === "contacts" ? this.#contacts(names, title, verbs) : list()}
    </div>`;
  }

  /** The contacts; of many, only the visible ones. */
  #contacts(names, title, verbs) {
    const indices = this.#span.indices(names.length, [names.indexOf(this.#stop)]);
    const [size, place] = this.#span.isPart ? [names.length, (index) => index + 1] : [nothing, () => nothing];
    const row = (index) => html`<li class="person" data-index=${index} aria-setsize=${size} aria-posinset=${place(index)}>${this.#person(names[index], true, verbs)}</li>`;
    const focused = ({ target }) => {
      const name = names[target.closest("li")?.dataset.index];
      if (name === undefined || name === this.#stop) return;
      this.#stop = name;
      this.requestUpdate();
    };
    const press = (event) => {
      const to = { Home: 0, End: names.length - 1 }[event.key];
      if (to !== undefined && this.#span.isPart && event.target.closest("li")) this.#go(event, names, to);
    };
    return html`<ul class="contacts ${this.#span.isPart ? "part" : ""}" role="list" data-roving aria-label=${title} @focusin=${focused} @keydown=${press}>
      ${repeat(indices, (index) => names[index], row)}
    </ul>`;
  }

  /** Moves the focus to a contact that may not be rendered yet. */
  async #go(event, names, to) {
    event.preventDefault();
    this.#stop = names[to];
    this.#span.reveal(to);
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector(`ul.contacts > [data-index="${to}"] button`)?.focus();
  }

  #person(name, contact, verbs) {
    const { chat } = this;
    const status = contact ? chat.statusOf(name) : undefined;
    const profile = chat.client.profileOf(name);
    const [first, ...others] = verbs;
    const about = [profile.display_name && name, status && chat.presence(name)].filter(Boolean);
    return html`${face(name, { status, profile })}
      <div class="grow">
        <p class="cut">${nameButton(this, name, chat.client.nameOf(name))} ${bot(this, profile)}</p>
        ${about.length ? html`<p class="quiet tiny cut">${about.map((each, at) => html`${at ? " · " : ""}<bdi>${each}</bdi>`)}</p>` : nothing}
      </div>
      ${relationButton(this, first, name)}
      ${others.length ? html`<chinwag-person-menu .chat=${chat} .name=${name} .verbs=${others}></chinwag-person-menu>` : nothing}`;
  }

  #invite(event) {
    event.preventDefault();
    const form = event.target;
    const name = form.elements.name.value.trim();
    const { contacts, invitations, blockeds } = this.chat.client.relations;
    this.attempt(async () => {
      if (!name) throw this.chat.refuse("error.required");
      if (name === this.chat.me) throw this.chat.refuse("people.self");
      // These actions change nothing on the server, so that no event would follow.
      if (contacts.has(name)) throw this.chat.refuse("people.already", { name });
      if (invitations.has(name)) throw this.chat.refuse("people.alreadyInvited", { name });
      if (blockeds.has(name)) throw this.chat.refuse("people.alreadyBlocked", { name });
      await this.chat.client.invite(name);
      form.reset();
    });
  }
}

/** The further actions for a person. */
class PersonMenu extends Popup {
  static properties = { ...Popup.properties, name: {}, verbs: { attribute: false } };

  changed() {}

  render() {
    const { name, verbs } = this;
    const kind = (verb) => (verb === "block" ? "danger" : "");
    const item = (verb) => this.item(this.say(`people.${verb}`), () => relate(this, verb, name), { kind: kind(verb), label: labelOf(this, verb, name) });
    return this.popup(this.say("people.more", { name: this.chat.called(name) }), () => verbs.map(item), "compact");
  }
}

/** A button that changes a relation; `part` shows a refusal. */
export function relationButton(part, verb, name) {
  const kind = verb === "accept" ? "primary" : verb === "block" ? "danger" : "";
  return html`<button class="compact ${kind}" aria-label=${labelOf(part, verb, name)} @click=${() => relate(part, verb, name)}>${textOf(part, verb)}</button>`;
}

const textOf = (part, verb) => part.say(verb === "invite" ? "people.invite.do" : `people.${verb}`);

const labelOf = (part, verb, name) => part.say("people.about", { verb: textOf(part, verb), name: part.chat.called(name) });

async function relate(part, verb, name) {
  const { chat } = part;
  if (verb === "message") return chat.openWith(name);
  if (ASKED.has(verb) && !(await confirmed(chat, verb, name, textOf(part, verb)))) return undefined;
  const act = () => chat.client.relate(name, OPERATIONS[verb]);
  // A menu has no space for an error, and that of the long list may be invisible.
  return part instanceof Popup || part instanceof People ? chat.attempt(act) : part.attempt(act);
}

const confirmed = (chat, verb, name, yes) =>
  chat.ask({
    title: chat.words.say(`people.${verb}.ask`, { name: chat.called(name) }),
    hint: chat.words.say(`people.${verb}.hint`),
    yes,
    danger: true,
  });

/** The actions for a user in a conversation. */
export function verbsFor(relations, name) {
  if (relations.blockeds.has(name)) return ["unblock"];
  if (relations.invited_by.has(name)) return ["accept", "deny", "block"];
  const known = relations.contacts.has(name) || relations.invitations.has(name) || relations.blocked_by.has(name);
  return known ? ["block"] : ["invite", "block"];
}

define("chinwag-person-menu", PersonMenu);
define("chinwag-people", People);
