// An uploaded avatar. The surrounding element provides its URL, which has a ticket on pages of other origins.

import { LitElement, html, nothing } from "../vendor/lit.js";
import { define } from "./part.js";

/** After a failure a new URL is requested, at most once in this time in ms. */
const PAUSE = 60_000;

export class Avatar extends LitElement {
  static properties = {
    /** The path from the server. */
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

  /** The ticket in the URL may have expired. */
  #missing = (event) => {
    hide(event);
    if (Date.now() - this.#asked > PAUSE) this.#ask();
  };
}

/** A picture over the initials, loaded without a referrer. */
export function picture(address) {
  if (address.startsWith("/")) return html`<chinwag-avatar .path=${address}></chinwag-avatar>`;
  return html`<img src=${address} alt="" referrerpolicy="no-referrer" decoding="async" @error=${hide} @load=${show}>`;
}

/** The URL of an external picture; empty for an uploaded one, which has no editable URL. */
export const addressOf = (avatar) => (avatar?.startsWith("/") ? "" : (avatar ?? ""));

const hide = ({ target }) => (target.hidden = true);
const show = ({ target }) => (target.hidden = false);

define("chinwag-avatar", Avatar);
