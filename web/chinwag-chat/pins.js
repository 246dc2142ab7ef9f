// The pinned messages of the open conversation: the latest one in a bar, all of them in a list below it.

import { html, nothing } from "../vendor/lit.js";
import { gist } from "./gist.js";
import { chevron, cross, pin } from "./icons.js";
import { Part, define } from "./part.js";
import { mayPin } from "./rows.js";

const TOPICS = new Set(["open", "group", "messages", "user", "profile", "state"]);

export class Pins extends Part {
  static properties = { ...Part.properties, group: { attribute: false }, open: { state: true } };
  /** The last requested pins, so that none is requested twice. */
  #asked = "";

  constructor() {
    super();
    this.open = false;
  }

  changed({ detail }) {
    if (detail.topic === "open" && this.group !== this.chat.openGroup) this.open = false;
    if (detail.topic === "state") this.#asked = "";
    const other = detail.group && detail.group !== this.group;
    if (!other && TOPICS.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const { group } = this;
    const count = group?.pending ? 0 : (group?.pins.length ?? 0);
    if (!count) return nothing;
    this.#load();
    const label = this.say("pins.all", { count });
    return html`<section class="pins" aria-label=${this.say("pins.label")} part="pins" @keydown=${this.#press}>
      <div class="row">
        ${this.#entry(group.pins[0])}
        ${count > 1
          ? html`<button class="icon compact all" aria-label=${label} title=${label} aria-expanded=${String(this.open)} @click=${this.#toggle}>${count} ${chevron}</button>`
          : this.#unpin(group.pins[0])}
      </div>
      ${this.open && count > 1
        ? html`<ul data-roving>${group.pins.map((id) => html`<li class="row">${this.#entry(id)}${this.#unpin(id)}</li>`)}</ul>`
        : nothing}
    </section>`;
  }

  /** A button that leads to the message. */
  #entry(id) {
    const { chat } = this;
    const message = this.group.message(id);
    const author = message && (message.author ? chat.called(message.author) : this.say("conversation.deletedUser"));
    const text = message ? html`<bdi class="author">${author}</bdi> <span class="cut" dir="auto">${gist(this.chat.words, message)}</span>` : html`<span class="cut">${this.say("messages.earlier")}</span>`;
    return html`<button class="plain entry-pin grow" title=${this.say("messages.jump")} @click=${() => this.#jump(id)}>${pin} ${text}</button>`;
  }

  #unpin(id) {
    if (!mayPin(this.group)) return nothing;
    const name = this.say("messages.unpin");
    const act = async () => {
      await this.chat.attempt(() => this.chat.client.pin(id, false));
      this.focusNext(this.group.pins.length ? ".pins button" : "textarea");
    };
    return html`<button class="icon compact" aria-label=${name} title=${name} @click=${act}>${cross}</button>`;
  }

  #jump(id) {
    this.open = false;
    this.chat.jump(id);
  }

  #toggle() {
    this.open = !this.open;
  }

  #press(event) {
    if (event.key !== "Escape" || !this.open) return;
    event.stopPropagation();
    this.open = false;
    this.querySelector(".all")?.focus();
  }

  /** Loads the pinned messages if a displayed one is unknown. */
  async #load() {
    const { chat, group } = this;
    const shown = this.open ? group.pins : group.pins.slice(0, 1);
    const wanted = `${group.id} ${shown.join()}`;
    if (!chat.ready || wanted === this.#asked || shown.every((id) => group.message(id))) return;
    this.#asked = wanted;
    try {
      await chat.client.loadPins(group.id);
    } catch {
      // They are requested again when the pins change or the connection is restored. Until then each is "an earlier message".
      return;
    }
    this.requestUpdate();
  }
}

define("chinwag-pins", Pins);
