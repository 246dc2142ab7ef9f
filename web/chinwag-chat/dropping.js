// A pane onto which files are dropped. While some are over it, it says so.

import { html, nothing } from "../vendor/lit.js";
import { filesIn } from "./attached.js";

export class Dropping {
  #part;
  #composer;
  /** The elements of the pane that the pointer is in: events come from each. */
  #over = 0;

  /** @param part the pane @param composer returns its message box */
  constructor(part, composer) {
    this.#part = part;
    this.#composer = composer;
  }

  /** The words over the pane. */
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
