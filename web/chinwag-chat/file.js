// One file of a message: a picture that opens in the gallery, a player, or a card; or a file being uploaded.

import { LitElement, html, nothing } from "../vendor/lit.js";
import { kindOf } from "./gist.js";
import { fileIcon } from "./icons.js";
import { define } from "./part.js";
import { pixelsOf } from "./thumbhash.js";
import { followAfter, isStale } from "./ticket.js";

/** The maximum and minimum size of a single picture in pixels, and the side of one of several. */
const [LARGE, LEAST, TILE] = [320, 48, 148];

export class ChatFile extends LitElement {
  static properties = {
    words: { attribute: false },
    /** A file of a message, or one being uploaded. Objects are immutable. */
    file: { attribute: false },
    /** Returns the address of a file. */
    fileUrl: { attribute: false },
    /** Whether it is one of several pictures. */
    tiled: { type: Boolean },
    tabbable: { type: Boolean },
    src: { state: true },
    /** Whether the picture is loaded. */
    come: { state: true },
    failed: { state: true },
  };

  #asked = 0;
  /** The request for another address, while it is under way. */
  #renewing = null;

  constructor() {
    super();
    this.src = "";
  }

  createRenderRoot() {
    return this;
  }

  willUpdate(changed) {
    const { file } = this;
    if (!changed.has("file") || file.loaded !== undefined) return;
    const isSame = changed.get("file")?.id === file.id;
    // Each event of a message has a new object for the same file.
    if (isSame && this.src && !this.failed) return;
    if (!isSame) [this.src, this.come] = ["", false];
    this.failed = false;
    this.#address();
  }

  render() {
    const { file } = this;
    if (file.loaded !== undefined) return this.#onItsWay();
    const kind = kindOf(file);
    if (kind === "image" && file.thumbnail) return this.#picture();
    const player = kind === "video" || kind === "audio" ? document.createElement(kind) : null;
    return player?.canPlayType(file.type) && !this.failed ? this.#player(kind) : this.#card();
  }

  #picture() {
    const { file, words } = this;
    const [width, height] = this.tiled ? [TILE, TILE] : fitted(file.thumbnail);
    const { name, alt } = file;
    const label = alt ? words.say("files.open.alt", { name, alt }) : words.say("files.open", { name });
    const picture = this.src && !this.failed ? html`<img src=${this.src} alt=${alt ?? ""} width=${width} height=${height} decoding="async" referrerpolicy="no-referrer" @load=${() => (this.come = true)} @error=${this.#missing}>` : nothing;
    return html`<button class="picture ${this.come && !this.failed ? "come" : ""}" tabindex=${this.tabbable ? 0 : -1} aria-label=${label} title=${alt || name} aria-haspopup="dialog"
      @click=${this.#open}><canvas width=${width} height=${height} aria-hidden="true"></canvas>${picture}${this.failed ? html`<span class="tiny">${words.say("files.failed")}</span>` : nothing}</button>`;
  }

  #player(kind) {
    const { file, words, src } = this;
    const label = words.say(`files.${kind}`, { name: file.alt || file.name });
    const player = kind === "video"
      ? html`<video controls playsinline preload="metadata" tabindex=${this.tabbable ? 0 : -1} aria-label=${label} src=${src || nothing} @error=${this.#missing}></video>`
      : html`<audio controls preload="none" tabindex=${this.tabbable ? 0 : -1} aria-label=${label} src=${src || nothing} @error=${this.#missing}></audio>`;
    return html`${player}${this.#card()}`;
  }

  #card() {
    const { file, words } = this;
    return html`<a class="filecard" href=${this.src || nothing} download=${file.name} target="_blank" rel="noopener" tabindex=${this.tabbable ? 0 : -1} title=${file.name}
      @pointerenter=${this.#renew} @focus=${this.#renew} @click=${this.#pressed}>${fileIcon}<span class="grow"><span class="unseen">${words.say("files.download")}</span> <bdi class="cut">${file.name}</bdi> <span class="tiny quiet">${words.size(file.size)}</span></span></a>`;
  }

  #onItsWay() {
    const { file, words } = this;
    const isDone = file.id !== null;
    const label = words.say("files.progress", { name: file.name });
    const preview = file.blob?.type.startsWith("image/") ? html`<chinwag-preview .file=${file.blob}></chinwag-preview>` : fileIcon;
    return html`<div class="filecard">${preview}<span class="grow"><bdi class="cut">${file.name}</bdi>
      <span class="tiny quiet">${words.size(file.size)}</span>
      ${isDone ? nothing : html`<progress max=${file.size || 1} value=${file.loaded} aria-label=${label}></progress>`}</span></div>`;
  }

  /** Renders the ThumbHash before the file is loaded. */
  updated(changed) {
    const canvas = this.querySelector(".picture canvas");
    const { thumbnail } = this.file;
    if (!canvas || !(changed.has("file") || changed.has("tiled")) || canvas.drawn === thumbnail.hash) return;
    canvas.drawn = thumbnail.hash;
    const pixels = pixelsOf(thumbnail.hash, thumbnail);
    if (!pixels) return;
    const small = Object.assign(document.createElement("canvas"), { width: pixels.width, height: pixels.height });
    small.getContext("2d").putImageData(pixels, 0, 0);
    const brush = canvas.getContext("2d");
    brush.imageSmoothingQuality = "high";
    brush.drawImage(small, 0, 0, canvas.width, canvas.height);
  }

  async #address() {
    const { file } = this;
    this.#asked = Date.now();
    try {
      const src = await this.fileUrl(file, { thumbnail: kindOf(file) === "image" });
      if (file.id === this.file.id) this.src = src;
    } catch {
      if (file.id === this.file.id) this.failed = true;
    }
    this.#renewing = null;
  }

  #missing = () => {
    if (!this.#renew()) this.failed = true;
  };

  /** Requests a new URL if the ticket may have expired. Returns whether it did. */
  #renew = () => {
    const isOld = isStale(this.src, this.#asked);
    if (isOld) this.#renewing = this.#address();
    return isOld;
  };

  /** The address may be on its way since the press began. */
  #pressed = (event) => {
    this.#renew();
    if (this.#renewing) followAfter(() => this.#renewing.then(() => this.updateComplete), event);
  };

  #open = () => this.dispatchEvent(new CustomEvent("open-picture", { detail: this.file.id, bubbles: true }));
}

/** The displayed size of a picture. */
function fitted({ width, height }) {
  const scale = Math.min(1, LARGE / width, LARGE / height);
  return [width, height].map((side) => Math.max(LEAST, Math.round(side * scale)));
}

/** The preview of a local picture, drawn on a canvas because the page's policy does not allow blob URLs. */
export class Preview extends LitElement {
  static properties = { file: { attribute: false } };

  createRenderRoot() {
    return this;
  }

  render() {
    return html`<canvas width="96" height="96" aria-hidden="true"></canvas>`;
  }

  async updated(changed) {
    const { file } = this;
    if (!changed.has("file")) return;
    try {
      const image = await createImageBitmap(file);
      if (file === this.file) this.#draw(image);
      image.close();
    } catch {
      // The browser cannot decode this picture; its name is displayed anyway.
    }
  }

  #draw(image) {
    const canvas = this.querySelector("canvas");
    const side = Math.min(image.width, image.height);
    canvas.getContext("2d").drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
  }
}

define("chinwag-preview", Preview);
define("chinwag-file", ChatFile);
