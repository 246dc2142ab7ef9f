// Choosing an avatar of the user or a group: by a button, or by dropping or pasting onto the surrounding part.

import { html, nothing } from "../vendor/lit.js";
import { filesIn, isOfFiles } from "./attached.js";
import { Part, define } from "./part.js";

export class Picture extends Part {
  static properties = {
    /** The current avatar; null if there is none. */
    avatar: { attribute: false },
    /** Sets the avatar: the id of a file, or null. */
    save: { attribute: false },
  };

  /** The upload in progress: `{name, loaded, total, stop}`. */
  #upload = null;

  connectedCallback() {
    super.connectedCallback();
    const { signal } = this.listening;
    const around = this.closest("dialog, .scroll") ?? this;
    around.addEventListener("paste", (event) => isOfFiles(event.clipboardData) && this.#take(event, event.clipboardData), { signal });
    around.addEventListener("drop", (event) => isDrag(event) && this.#take(event, event.dataTransfer), { signal });
    around.addEventListener("dragover", (event) => {
      if (!isDrag(event)) return;
      event.preventDefault();
      event.stopPropagation();
      event.dataTransfer.dropEffect = "copy";
    }, { signal });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#upload?.stop.abort();
  }

  render() {
    const choose = () => this.querySelector("input").click();
    return html`<div class="stack">
      ${this.#upload ? this.#onItsWay() : html`<div class="row wrap">
        <button type="button" @click=${choose}>${this.say("picture.choose")}</button>
        ${this.avatar ? html`<button type="button" @click=${() => this.once(() => this.save(null))}>${this.say("picture.remove")}</button>` : nothing}
      </div>`}
      <input type="file" accept="image/*" hidden tabindex="-1" aria-label=${this.say("picture.choose")} @change=${this.#chosen}>
      <p class="hint">${this.say("picture.hint")}</p>
      <p class="error" role="alert">${this.error}</p>
    </div>`;
  }

  #onItsWay() {
    const { name, loaded, total, stop } = this.#upload;
    return html`<div class="row">
      <progress class="grow" max=${total || 1} value=${loaded} aria-label=${this.say("files.progress", { name })}></progress>
      <button type="button" @click=${() => stop.abort()}>${this.say("cancel")}</button>
    </div>`;
  }

  #chosen({ target }) {
    const [file] = target.files;
    if (file) this.#set(file);
    // The same file may be chosen again.
    target.value = "";
  }

  #take(event, data) {
    event.preventDefault();
    event.stopPropagation();
    const [file] = filesIn(data).files;
    if (file) this.#set(file);
  }

  #set(file) {
    const { chat, save } = this;
    const stop = new AbortController();
    return this.once(async () => {
      const most = chat.offer.files.max_size;
      if (!file.type.startsWith("image/")) throw chat.refuse("picture.none", { name: file.name });
      if (file.size > most) throw chat.refuse("files.large", { name: file.name, most: chat.words.size(most) });
      const show = ({ loaded, total }) => {
        this.#upload = { name: file.name, loaded, total, stop };
        this.requestUpdate();
      };
      show({ loaded: 0, total: file.size });
      try {
        await this.#uploaded(file, save, { onprogress: show, signal: stop.signal });
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      } finally {
        this.#upload = null;
      }
    });
  }

  async #uploaded(file, save, options) {
    const { client } = this.chat;
    const { id } = await client.upload(file, options);
    try {
      await save(id);
    } catch (error) {
      // Nothing else uses it.
      void client.discardFile(id);
      throw error;
    }
  }
}

const isDrag = ({ dataTransfer }) => dataTransfer.types.includes("Files");

define("chinwag-picture", Picture);
