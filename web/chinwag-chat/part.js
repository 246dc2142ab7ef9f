// What every part of the chat is made from: a Lit element without a shadow root of its own, since all of them stand in
// that of <chinwag-chat> and share its style. It is drawn anew, at most once a frame, when what it names has changed.

import { LitElement } from "../vendor/lit.js";

/** A hidden tab has no frames, and is to be right all the same when it is shown. */
const SLOW_FRAME = 200;

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

  /** Something in the chat has changed. */
  changed() {
    this.requestUpdate();
  }

  async scheduleUpdate() {
    if (this.hasUpdated) await frame();
    if (this.isConnected) super.scheduleUpdate();
  }

  say(key, values) {
    return this.chat.words.say(key, values);
  }

  /** Leads the focus on, when what was shown in its place has gone and the next is drawn. */
  async focusNext(selector) {
    const root = this.getRootNode();
    await frame();
    await frame();
    root.querySelector(selector)?.focus();
  }

  /** Does what may be refused, and shows in `this.error` why it was. */
  async attempt(act) {
    this.error = "";
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

/** Defines an element, unless another copy of this module on the same page has. */
export function define(name, part) {
  if (!customElements.get(name)) customElements.define(name, part);
}
