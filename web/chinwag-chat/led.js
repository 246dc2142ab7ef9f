// A one-line text after a lead such as an author. Each has its own direction, and the text is truncated at its own end.

import { html, nothing } from "../vendor/lit.js";

/** The content of an element of the class `led`. `lead` may be empty. */
export const led = (lead, text) => html`${lead ? html`<bdi class="lead">${lead}</bdi> ` : nothing}<bdi class="cut">${text}</bdi>`;
