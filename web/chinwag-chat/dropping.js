// A pane that accepts dropped files, with a notice while files are dragged over it.

import { html, nothing } from "../vendor/lit.js";
import { filesIn } from "./attached.js";

export class Dropping {
  #part;
  #composer;
  /** The number of nested elements under the pointer, because each dispatches events. */
  #over = 0;

  /** @param part the pane @param composer returns its message box */
  constructor(part, composer) {
    this.#part = part;
    this.#composer = composer;
  }

  /** The notice over the pane. */
  get notice() {
    return this.#over > 0 ? html`<p class="dropping">${this.#part.say("files.drop")}</p>` : nothing;
  }

  enter = (event) => this.#takes(event) && this.#count(1);
  leave = (event) => this.#takes(event) && this.#count(-1);

  over = (event) => {
    if (!this.#takes(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  };

  drop = (event) => {
    if (!this.#takes(event)) return;
    event.preventDefault();
    this.#count(-this.#over);
    this.#composer().attach(filesIn(event.dataTransfer));
  };

  #takes({ dataTransfer }) {
    return dataTransfer.types.includes("Files") && Boolean(this.#composer()?.mayAttach);
  }

  #count(by) {
    const before = this.#over > 0;
    this.#over = Math.max(0, this.#over + by);
    if (before !== this.#over > 0) this.#part.requestUpdate();
  }
}
