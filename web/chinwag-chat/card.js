// The profile card of a user: names, picture, presence, and actions.

import { html, nothing } from "../vendor/lit.js";
import { bot, face } from "./face.js";
import { cross } from "./icons.js";
import { Part, define } from "./part.js";
import { relationButton, verbsFor } from "./people.js";

const TOPICS = new Set(["profile", "relations", "presence", "user", "view"]);

export class Card extends Part {
  #name = null;
  /** The user from the server, once it has answered. */
  #user = null;

  changed({ detail }) {
    if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const { chat } = this;
    const name = chat.card;
    if (this.#name !== name) this.#load(name);
    return html`<dialog aria-labelledby="card-title" part="dialog" class="card" @close=${this.#closed}>
      <div class="head">
        <span class="grow"></span>
        <button class="icon" aria-label=${this.say("close")} @click=${() => this.#dialog.close()}>${cross}</button>
      </div>
      ${about(this, name, this.#user)}
      <p class="error" role="alert">${this.error}</p>
    </dialog>`;
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  firstUpdated() {
    this.#dialog.showModal();
  }

  #closed() {
    this.chat.show({ card: null });
  }

  async #load(name) {
    this.#name = name;
    this.#user = null;
    try {
      const user = await this.chat.client.loadUser(name);
      if (this.#name !== name) return;
      this.#user = user;
      this.requestUpdate();
    } catch {
      // The card shows what is known locally.
    }
  }
}

/** A user's names, picture and presence, and the actions for it. `user`: the server's answer, if any. */
function about(part, name, user) {
  const { chat } = part;
  const profile = chat.client.profileOf(name);
  const me = name === chat.me;
  const act = (verb) => relationButton(part, verb, name);
  const open = () => chat.openWith(name);
  return html`<div class="stack about">
    ${face(name, { profile, large: true, status: me ? undefined : chat.statusOf(name) })}
    <h2 class="title" id="card-title"><bdi>${chat.client.nameOf(name)}</bdi> ${bot(part, profile)}</h2>
    ${profile.display_name ? html`<p class="quiet small"><bdi>${name}</bdi></p>` : nothing}
    <p class="quiet small">${presence(part, name, user)}</p>
    <div class="row wrap">
      <button class="compact primary" @click=${open}>${part.say(me ? "conversation.notes" : "people.message")}</button>
      ${me ? nothing : verbsFor(chat.client.relations, name).map(act)}
    </div>
  </div>`;
}

/** A contact's presence, or when it was last seen. */
function presence({ chat }, name, user) {
  const status = chat.presence(name);
  if (chat.statusOf(name) !== "disconnected" || !user?.last_seen) return status;
  return chat.words.say("card.lastSeen", { when: chat.words.whenExactly(user.last_seen) });
}

define("chinwag-card", Card);
