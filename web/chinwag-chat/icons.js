// The icons. Each button also has a name, so that icons carry no information of their own.

import { html, svg } from "../vendor/lit.js";

const icon = (path, size = 20) => html`<svg viewBox="0 0 24 24" width=${size} height=${size} fill="none" stroke="currentColor"
  stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${path}</svg>`;

export const plus = icon(svg`<path d="M12 5v14M5 12h14" />`);
export const cross = icon(svg`<path d="M6 6l12 12M18 6 6 18" />`);
export const back = html`<span class="mirrors">${icon(svg`<path d="M15 5l-7 7 7 7" />`, 22)}</span>`;
export const people = icon(svg`<circle cx="9" cy="8" r="3.5" /><path d="M2.5 19c.6-3.4 3.2-5 6.5-5s5.9 1.6 6.5 5M16 5a3.5 3.5 0 0 1 0 6.500M18 14.500c2 .6 3.2 2.1 3.5 4.5" />`);
export const reply = html`<span class="mirrors">${icon(svg`<path d="M10 7 4.5 12.5 10 18M5 12.500h9c3.5 0 5.5 2 5.5 5.5" />`, 18)}</span>`;
export const pencil = icon(svg`<path d="M4 20l1-4.500L16.5 4l3.5 3.500L8.5 19 4 20zM14 6.500l3.5 3.5" />`, 18);
export const bin = icon(svg`<path d="M4.5 7h15M9.5 7V4.500h5V7M6.5 7l1 13h9l1-13M10.5 11v5.500M13.5 11v5.5" />`, 18);
export const down = icon(svg`<path d="M12 5v14M6 13l6 6 6-6" />`, 18);
export const send = html`<span class="mirrors">${icon(svg`<path d="M4 12 3.5 4.5 21 12 3.5 19.5 4 12zM4 12h8" />`)}</span>`;
export const chats = icon(svg`<path d="M5 4.500h14a2 2 0 0 1 2 2V15a2 2 0 0 1-2 2h-7.500L6.5 21v-4H5a2 2 0 0 1-2-2V6.500a2 2 0 0 1 2-2z" />`, 56);
export const bubble = html`<svg viewBox="0 0 32 32" width="34" height="34" aria-hidden="true" fill="var(--_accent)"><path d="M6 3h20a4 4 0 0 1 4 4v13a4 4 0 0 1-4 4H15l-7 6v-6H6a4 4 0 0 1-4-4V7a4 4 0 0 1 4-4z" /><g fill="var(--_on-accent)"><circle cx="10" cy="13.5" r="2.2" /><circle cx="16" cy="13.5" r="2.2" /><circle cx="22" cy="13.5" r="2.2" /></g></svg>`;
