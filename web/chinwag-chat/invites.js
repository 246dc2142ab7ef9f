// The invite links of a group, for its owner and admins.

import { html, nothing, repeat } from "../vendor/lit.js";
import { Part, define } from "./part.js";

/** The offered numbers of people; 0 for any number. */
const USES = [1, 10, 100, 0];
const HOUR = 3_600;
const DAY = 24 * HOUR;
/** The offered lifetimes in seconds, and the default. */
const TIMES = [HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY];
const USUAL = 7 * DAY;

export class Invites extends Part {
  #group = null;
  #invites = [];
  #era = 0;

  changed({ detail }) {
    // The links of former members have ended.
    if (detail.topic === "group" && detail.group === this.#group) this.#load();
    else if (detail.topic === "view") this.requestUpdate();
  }

  render() {
    const group = this.chat.openGroup;
    if (!group) return nothing;
    if (group !== this.#group) this.#begin(group);
    const title = this.say("invites.title");
    return html`<div class="section">
      <h3 class="kicker">${title}</h3>
      ${this.#invites.length
        ? html`<ul role="list" data-roving aria-label=${title}>${repeat(this.#invites, ({ code }) => code, (invite) => html`<li class="member">${this.#invite(invite)}</li>`)}</ul>`
        : html`<p class="quiet small">${this.say("invites.none")}</p>`}
      <form class="stack" novalidate @submit=${this.#make}>
        <div class="row wrap">
          <div><label for="invite-uses">${this.say("invites.uses")}</label>
            <select id="invite-uses" name="uses">${USES.map((count) => html`<option value=${count}>${this.#people(count)}</option>`)}</select></div>
          <div><label for="invite-ttl">${this.say("invites.ttl")}</label>
            <select id="invite-ttl" name="ttl">${TIMES.map((time) => html`<option value=${time} ?selected=${time === USUAL}>${this.#time(time)}</option>`)}</select></div>
        </div>
        <p class="error" role="alert">${this.error}</p>
        <div><button>${this.say("invites.make")}</button></div>
      </form>
    </div>`;
  }

  #invite(invite) {
    const { code, uses, expires } = invite;
    const { words } = this.chat;
    const about = this.say("invites.about", { people: this.#people(uses ?? 0), when: words.whenExactly(expires) });
    const tail = code.slice(-6);
    return html`<div class="name"><p class="cut"><code title=${code}>…${tail}</code></p><p class="quiet tiny">${about}</p></div>
      <div class="row">
        <button class="compact" aria-label=${this.say("invites.copy.of", { code: tail })} @click=${() => this.#copy(code)}>${this.say("invites.copy")}</button>
        <button class="compact" aria-label=${this.say("invites.end.of", { code: tail })} @click=${() => this.#end(code)}>${this.say("invites.end")}</button>
      </div>`;
  }

  #people(count) {
    return count ? this.say("invites.people", { count }) : this.say("invites.any");
  }

  #time(seconds) {
    const [unit, size] = seconds < DAY ? ["hour", HOUR] : ["day", DAY];
    return new Intl.NumberFormat(this.chat.words.lang, { style: "unit", unit, unitDisplay: "long" }).format(seconds / size);
  }

  #begin(group) {
    this.#group = group;
    this.#invites = [];
    this.error = "";
    this.#load();
  }

  async #load() {
    const [group, era] = [this.#group, (this.#era += 1)];
    try {
      const invites = await this.chat.client.loadInvites(group.id);
      if (era !== this.#era) return;
      this.#invites = invites;
      this.requestUpdate();
    } catch {
      // Keep the known links until something changes.
    }
  }

  #make(event) {
    event.preventDefault();
    const { uses, ttl } = event.target.elements;
    const group = this.#group;
    return this.once(async () => {
      const made = await this.chat.client.createInvite(group.id, { uses: Number(uses.value) || null, ttl: Number(ttl.value) });
      await this.#load();
      await this.#copy(made.code);
    });
  }

  async #copy(code) {
    const { chat } = this;
    const link = chat.inviteLink(code);
    try {
      await navigator.clipboard.writeText(link);
      chat.notify(this.say("invites.copied"), { isHere: true });
    } catch {
      // Without access to the clipboard, show the link for copying by hand.
      chat.notify(link);
    }
  }

  #end(code) {
    const end = async () => {
      await this.chat.client.endInvite(this.#group.id, code);
      await this.#load();
      // The focused element has been removed.
      this.focusNext("#invite-uses");
    };
    return this.once(() => this.chat.attempt(end));
  }
}

define("chinwag-invites", Invites);
