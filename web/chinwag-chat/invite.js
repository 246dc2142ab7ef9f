// The dialog of an invite link: the group, and a button to join it.

import { html, nothing } from "../vendor/lit.js";
import { face } from "./face.js";
import { cross } from "./icons.js";
import { Part, define } from "./part.js";

export class Invite extends Part {
  #code = "";
  /** The group as visible to users who are not members, once the server has answered. */
  #group = null;
  #isGone = false;
  /** The code for which the dialog was opened. */
  #opened = "";

  render() {
    const { chat } = this;
    if (chat.invite !== this.#code) this.#load();
    return html`<dialog aria-labelledby="invite-title" part="dialog" @close=${this.#closed}>
      <div class="head">
        <h2 class="title" id="invite-title">${this.say("invite.title")}</h2>
        <button class="icon" aria-label=${this.say("close")} @click=${() => this.#dialog.close()}>${cross}</button>
      </div>
      <div role="status">${this.#isGone ? this.say("invite.gone") : this.#group || this.error ? nothing : this.say("account.starting")}</div>
      ${this.#group ? this.#about(this.#group) : nothing}
      <p class="error" role="alert">${this.error}</p>
      ${this.error && !this.#group ? html`<div class="foot"><button @click=${() => this.#load()}>${this.say("messages.retry")}</button></div>` : nothing}
    </dialog>`;
  }

  #about({ name, description, avatar, membersCount }) {
    return html`<div class="stack about">
        ${face(name, { group: true, large: true, profile: { avatar } })}
        <p class="title"><bdi>${name}</bdi></p>
        ${description ? html`<p class="description small" dir="auto">${description}</p>` : nothing}
        <p class="quiet small">${this.say("conversation.members", { count: membersCount })}</p>
      </div>
      <div class="foot"><button class="primary" @click=${this.#join}>${this.say("invite.join")}</button></div>`;
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  updated() {
    if (this.#opened === this.#code) return;
    this.#opened = this.#code;
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** The browser dispatches this in a later task: another link may have been opened meanwhile. */
  #closed() {
    const isSame = this.chat.dialog === "invite" && this.chat.invite === this.#code && !this.#dialog.open;
    if (isSame) this.chat.show({ dialog: "", invite: "" });
  }

  /** For an unknown, used up or expired code, the server only reports that it does not exist. */
  #failed(error) {
    if (error.code !== 404) throw error;
    [this.#group, this.#isGone] = [null, true];
  }

  async #load() {
    const code = (this.#code = this.chat.invite);
    [this.#group, this.#isGone] = [null, false];
    await this.attempt(async () => {
      const group = await this.chat.client.lookAtInvite(code).catch((error) => this.#failed(error));
      if (code === this.#code && group) this.#group = group;
    });
    await this.updateComplete;
    this.querySelector(".primary")?.focus();
  }

  #join() {
    const { chat } = this;
    return this.once(async () => {
      const group = await chat.client.useInvite(this.#code).catch((error) => this.#failed(error));
      if (group && chat.dialog === "invite") chat.open({ group: group.id });
    });
  }
}

define("chinwag-invite", Invite);
