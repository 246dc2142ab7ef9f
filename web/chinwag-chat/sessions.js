// The user's sessions in browsers and programs, which can be signed out one by one.

import { html, nothing, repeat } from "../vendor/lit.js";
import { browserOf } from "./browser.js";
import { Part, define } from "./part.js";

export class Sessions extends Part {
  #sessions = [];

  render() {
    const sessions = this.#sessions;
    if (!sessions.length) return nothing;
    const others = sessions.filter(({ current }) => !current);
    const title = this.say("sessions.title");
    return html`<p class="kicker" id="sessions-title">${title}</p>
      <ul role="list" data-roving aria-labelledby="sessions-title">
        ${repeat(sessions, ({ id }) => id, (session) => html`<li class="member">${this.#session(session)}</li>`)}
      </ul>
      <p class="error" role="alert">${this.error}</p>
      ${others.length > 1 ? html`<div><button id="sessions-others" @click=${this.#endOthers}>${this.say("sessions.others")}</button></div>` : nothing}`;
  }

  #session(session) {
    const { words } = this.chat;
    const { agent, address, created, lastUsed, current } = session;
    const name = this.#named(agent);
    const about = [
      address ?? this.say("sessions.noAddress"),
      created && this.say("sessions.since", { when: words.whenLong(created) }),
      lastUsed && !current && this.say("sessions.used", { when: words.whenLong(lastUsed) }),
    ].filter(Boolean);
    return html`<div class="name"><p class="cut" title=${agent ?? nothing}>${name}</p><p class="quiet tiny">${about.join(" · ")}</p></div>
      <div class="row">${current
        ? html`<span class="quiet small">${this.say("sessions.current")}</span>`
        : html`<button class="compact" aria-label=${this.say("sessions.end.of", { name })} @click=${() => this.#end(session)}>${this.say("sessions.end")}</button>`}</div>`;
  }

  /** The browser's name, or else the `User-Agent`. */
  #named(agent) {
    const { browser, system } = browserOf(agent ?? "");
    if (browser && system) return this.say("sessions.on", { browser, system });
    return browser || agent || this.say("sessions.unknown");
  }

  firstUpdated() {
    this.attempt(() => this.#load());
  }

  async #load() {
    const sessions = await this.chat.client.loadSessions();
    this.#sessions = sessions.toSorted((a, b) => b.current - a.current);
    this.requestUpdate();
  }

  #end({ id }) {
    return this.once(async () => {
      await this.chat.client.endSession(id);
      await this.#load();
      // The focused element has been removed.
      this.focusNext("#profile-sign-out");
    });
  }

  #endOthers() {
    return this.once(async () => {
      await this.chat.client.endOtherSessions();
      await this.#load();
      this.focusNext("#profile-sign-out");
    });
  }
}

define("chinwag-sessions", Sessions);
