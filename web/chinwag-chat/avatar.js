// An uploaded avatar. The element around it says at which address it is loaded, which on pages of other origins holds a
// ticket.

import { LitElement, html, nothing } from "../vendor/lit.js";
import { define } from "./part.js";

/** An address is asked for again after a failure, but not more often. */
const PAUSE = 60_000;

export class Avatar extends LitElement {
  static properties = {
    /** The path that the server has said. */
    path: { attribute: false },
    src: { state: true },
  };

  #asked = 0;

  constructor() {
    super();
    this.src = "";
  }

  createRenderRoot() {
    return this;
  }

  updated(changed) {
    if (changed.has("path")) this.#ask();
  }

  render() {
    return this.src ? html`<img src=${this.src} alt="" referrerpolicy="no-referrer" decoding="async" @error=${this.#missing} @load=${show}>` : nothing;
  }

  async #ask() {
    const { path } = this;
    this.#asked = Date.now();
    const detail = { path, url: null };
    this.dispatchEvent(new CustomEvent("avatar-url", { detail, bubbles: true }));
    const src = await Promise.resolve(detail.url).catch(() => null);
    if (path === this.path) this.src = src ?? "";
  }

  /** The ticket in the address may have ended. */
  #missing = (event) => {
    hide(event);
    if (Date.now() - this.#asked > PAUSE) this.#ask();
  };
}

/** The picture covers the initials. Its host does not learn which page shows it. */
export function picture(address) {
  if (address.startsWith("/")) return html`<chinwag-avatar .path=${address}></chinwag-avatar>`;
  return html`<img src=${address} alt="" referrerpolicy="no-referrer" decoding="async" @error=${hide} @load=${show}>`;
}

/** The address of a picture elsewhere. An uploaded one has none to change. */
export const addressOf = (avatar) => (avatar?.startsWith("/") ? "" : (avatar ?? ""));

const hide = ({ target }) => (target.hidden = true);
const show = ({ target }) => (target.hidden = false);

define("chinwag-avatar", Avatar);
