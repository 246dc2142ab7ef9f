// The base of every part of the chat: a Lit element without a shadow root of its own, because all parts are in that
// of <chinwag-chat> and share its style. It is rendered again, at most once per frame, when one of its properties has
// changed.

import { LitElement, html } from "../vendor/lit.js";
import { isSubstitute } from "./focus.js";

/** The render interval in ms of a hidden tab, which has no frames but must be up to date when shown. */
const SLOW_FRAME = 200;
/** The number of frames to wait for the next element to focus. */
const LATE_FRAMES = 60;

let next = null;

function frame() {
  next ??= new Promise((resolve) => {
    const go = () => {
      next = null;
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(go, SLOW_FRAME);
    requestAnimationFrame(go);
  });
  return next;
}

export class Part extends LitElement {
  static properties = { chat: { attribute: false } };

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.listening = new AbortController();
    this.chat?.addEventListener("change", (event) => this.changed(event), { signal: this.listening.signal });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.listening.abort();
  }

  /** Called when something in the chat has changed. */
  changed() {
    this.requestUpdate();
  }

  async scheduleUpdate() {
    if (this.hasUpdated) await frame();
    if (this.isConnected) super.scheduleUpdate();
  }

  /** The error message of an action in that form. */
  refusal(place) {
    return html`<p class="error" role="alert" id="${place}-error">${this.place === place ? this.error : ""}</p>`;
  }

  say(key, values) {
    return this.chat.words.say(key, values);
  }

  /** Moves the focus to the next content when the focused element was removed, unless the user has moved it. */
  async focusNext(selector) {
    const root = this.getRootNode();
    const before = root.activeElement;
    await frame();
    await frame();
    // The content may depend on an event that arrives after the answer.
    for (let left = LATE_FRAMES; left > 0 && !root.querySelector(selector); left -= 1) await frame();
    if (root.activeElement && root.activeElement !== before && !isSubstitute(root)) return;
    root.querySelector(selector)?.focus();
  }

  /** The same for a form: while one action runs, a second press does nothing. */
  async once(act, place) {
    if (this.isBusy) return undefined;
    this.isBusy = true;
    try {
      return await this.attempt(act, place);
    } finally {
      this.isBusy = false;
    }
  }

  /** Runs an action that may be refused, and shows the reason in `this.error`. A part with several forms passes the `place` of each. */
  async attempt(act, place = "") {
    this.error = "";
    this.place = place;
    try {
      return await act();
    } catch (error) {
      this.error = this.chat.why(error);
      return undefined;
    } finally {
      this.requestUpdate();
    }
  }
}

/** Defines an element, unless another copy of this module on the same page has defined it. */
export function define(name, part) {
  if (!customElements.get(name)) customElements.define(name, part);
}
