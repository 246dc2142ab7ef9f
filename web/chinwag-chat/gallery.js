// The pictures of a conversation, one at a time in a dialog. Loaded when the first one is opened.

import { html, nothing } from "../vendor/lit.js";
import { back, cross, download } from "./icons.js";
import { Part, define } from "./part.js";
import { followAfter, isStale } from "./ticket.js";

export class Gallery extends Part {
  #at = 0;
  /** The URLs of the displayed picture and of its thumbnail. */
  #src = "";
  #small = "";
  #asked = 0;
  #failed = false;

  connectedCallback() {
    super.connectedCallback();
    const { pictures, id } = this.chat.gallery;
    this.#show(Math.max(0, pictures.findIndex(({ file }) => file.id === id)));
  }

  get #pictures() {
    return this.chat.gallery?.pictures ?? [];
  }

  render() {
    const picture = this.#pictures[this.#at];
    if (!picture) return nothing;
    const { file, message } = picture;
    const count = this.#pictures.length;
    const go = (name, icon, to) => html`<button class="icon ${name}" aria-label=${this.say(`gallery.${name}`)} title=${this.say(`gallery.${name}`)} aria-disabled=${String(to < 0 || to >= count)} @click=${() => this.#show(to)}>${icon}</button>`;
    return html`<dialog class="gallery" aria-labelledby="gallery-title" part="dialog" @close=${this.#closed} @keydown=${this.#press} @click=${this.#clicked}>
      <header class="head">
        <div class="grow"><h2 class="title cut" id="gallery-title"><bdi>${file.name}</bdi></h2>
          <p class="tiny quiet" aria-live="polite">${this.say("gallery.place", { number: this.#at + 1, count })} · <bdi>${this.chat.called(message.author)}</bdi></p></div>
        <a class="icon" href=${this.#src || nothing} @click=${this.#pressed} download=${file.name} target="_blank" rel="noopener" aria-label=${this.say("files.download")} title=${this.say("files.download")}>${download}</a>
        <button class="icon" autofocus aria-label=${this.say("close")} @click=${() => this.#dialog.close()}>${cross}</button>
      </header>
      <div class="view">${this.#failed ? html`<p role="alert">${this.say("files.failed")}</p>` : this.#image(file)}</div>
      <footer class="row">${go("previous", back, this.#at - 1)}<p class="grow cut" dir="auto">${message.body}</p>${go("next", html`<span class="turned">${back}</span>`, this.#at + 1)}</footer>
    </dialog>`;
  }

  /** The thumbnail is shown below until the picture is loaded. */
  #image({ name, alt, width, height, thumbnail }) {
    const [across, down] = [width ?? thumbnail?.width, height ?? thumbnail?.height];
    return html`${this.#small ? html`<img class="below" src=${this.#small} alt="" width=${across} height=${down} referrerpolicy="no-referrer">` : nothing}
      ${this.#src ? html`<img src=${this.#src} alt=${alt || name} width=${across} height=${down} referrerpolicy="no-referrer" @load=${this.#come} @error=${this.#missing}>` : nothing}`;
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  firstUpdated() {
    this.#dialog?.showModal();
  }

  async #show(at) {
    const picture = this.#pictures[at];
    if (!picture) return;
    [this.#at, this.#src, this.#small, this.#failed] = [at, "", "", false];
    this.requestUpdate();
    const { file } = picture;
    this.#asked = Date.now();
    try {
      const [src, small] = await Promise.all([this.chat.fileUrl(file), this.chat.fileUrl(file, { thumbnail: true })]);
      if (this.#at === at) [this.#src, this.#small] = [src, small];
    } catch {
      if (this.#at === at) this.#failed = true;
    }
    this.requestUpdate();
  }

  #pressed = (event) => {
    if (!isStale(this.#src, this.#asked)) return;
    const renew = async () => {
      await this.#show(this.#at);
      await this.updateComplete;
    };
    followAfter(renew, event);
  };

  /** Nothing stands below a picture that lets it show through. */
  #come = () => {
    this.#small = "";
    this.requestUpdate();
  };

  #missing = () => {
    this.#failed = true;
    this.requestUpdate();
  };

  #press = (event) => {
    const forward = getComputedStyle(this).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#show(this.#at + (event.key === forward ? 1 : -1));
  };

  /** A click beside the picture closes it. */
  #clicked = ({ target }) => {
    if (target === this.#dialog || target.matches(".view")) this.#dialog.close();
  };

  #closed = () => this.chat.show({ dialog: "", gallery: null });
}

define("chinwag-gallery", Gallery);
