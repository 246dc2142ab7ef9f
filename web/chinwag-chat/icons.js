// The icons. Each button also has a name, so that icons carry no information of their own.

import { html, svg } from "../vendor/lit.js";

/** @param size in pixels at the usual size of the text */
const icon = (path, size = 20) => html`<svg viewBox="0 0 24 24" class="px${size}" fill="none" stroke="currentColor"
  stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${path}</svg>`;

export const plus = icon(svg`<path d="M12 5v14M5 12h14" />`);
export const glass = icon(svg`<circle cx="11" cy="11" r="6.500" /><path d="M16 16l4.500 4.500" />`);
export const cross = icon(svg`<path d="M6 6l12 12M18 6 6 18" />`);
export const back = html`<span class="mirrors">${icon(svg`<path d="M15 5l-7 7 7 7" />`, 22)}</span>`;
export const people = icon(svg`<circle cx="9" cy="8" r="3.5" /><path d="M2.5 19c.6-3.4 3.2-5 6.5-5s5.9 1.6 6.5 5M16 5a3.5 3.5 0 0 1 0 6.500M18 14.500c2 .6 3.2 2.1 3.5 4.5" />`);
export const dots = icon(svg`<path d="M5 12h.01M12 12h.01M19 12h.01" stroke-width="3" />`);
export const pin = icon(svg`<path d="M9 4h6l-1 6 3.500 3.500h-11L10 10 9 4zM12 13.500V20" />`, 14);
export const tack = icon(svg`<path d="M9 4h6l-1 6 3.500 3.500h-11L10 10 9 4zM12 13.500V20" />`, 18);
export const untack = icon(svg`<path d="M9 4h6l-1 6 3.500 3.500h-11L10 10 9 4zM12 13.500V20M4 4l16 16" />`, 18);
export const chevron = icon(svg`<path d="M6 9.500l6 6 6-6" />`, 16);
export const silent = icon(svg`<path d="M6 16.500V11a6 6 0 0 1 9.500-4.900M18 10v6.500M4.500 16.500h11M10 19.500h4M4 4l16 16" />`, 14);
export const reply = html`<span class="mirrors">${icon(svg`<path d="M10 7 4.5 12.5 10 18M5 12.500h9c3.5 0 5.5 2 5.5 5.5" />`, 18)}</span>`;
export const thread = icon(svg`<path d="M4 5.500h12a2 2 0 0 1 2 2V12a2 2 0 0 1-2 2H9.500L6 17v-3H4a2 2 0 0 1-2-2V7.500a2 2 0 0 1 2-2zM20.5 9.500c.9.300 1.500 1.100 1.500 2V16a2 2 0 0 1-2 2h-1v3l-3.500-3H12" />`, 18);
export const smile = icon(svg`<circle cx="12" cy="12" r="8.500" /><path d="M8.500 14c.8 1.300 2 2 3.500 2s2.700-.7 3.500-2M9 9.500v.5M15 9.500v.5" />`, 18);
export const pencil = icon(svg`<path d="M4 20l1-4.500L16.5 4l3.5 3.500L8.5 19 4 20zM14 6.500l3.5 3.5" />`, 18);
export const bin = icon(svg`<path d="M4.5 7h15M9.5 7V4.500h5V7M6.5 7l1 13h9l1-13M10.5 11v5.500M13.5 11v5.5" />`, 18);
export const chain = icon(svg`<path d="M10 14a4 4 0 0 0 6 .4l3-3a4.200 4.200 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6-.4l-3 3a4.200 4.200 0 0 0 6 6l1-1" />`, 18);
export const flag = icon(svg`<path d="M6 20.500V4M6 4.500c4-2 7 2 12 0v8.500c-5 2-8-2-12 0" />`, 18);
export const down = icon(svg`<path d="M12 5v14M6 13l6 6 6-6" />`, 18);
export const send = html`<span class="mirrors">${icon(svg`<path d="M4 12 3.5 4.5 21 12 3.5 19.5 4 12zM4 12h8" />`)}</span>`;
export const clip = icon(svg`<path d="M19.500 11.500l-7.800 7.800a5 5 0 0 1-7-7L12.500 4.500a3.400 3.400 0 0 1 4.800 4.800l-7.600 7.600a1.700 1.700 0 0 1-2.400-2.400l7-7" />`);
export const fileIcon = icon(svg`<path d="M6 3.500h8L19 8.500V19a1.500 1.500 0 0 1-1.500 1.500h-11A1.500 1.500 0 0 1 5 19V5a1.500 1.500 0 0 1 1-1.500zM13.500 3.500V9H19" />`, 24);
export const download = icon(svg`<path d="M12 4v11M7 10.500l5 5 5-5M5 19.500h14" />`);
export const chats = icon(svg`<path d="M5 4.500h14a2 2 0 0 1 2 2V15a2 2 0 0 1-2 2h-7.500L6.5 21v-4H5a2 2 0 0 1-2-2V6.500a2 2 0 0 1 2-2z" />`, 56);
export const bubble = html`<svg viewBox="0 0 32 32" class="px34" aria-hidden="true" fill="var(--_accent)"><path d="M6 3h20a4 4 0 0 1 4 4v13a4 4 0 0 1-4 4H15l-7 6v-6H6a4 4 0 0 1-4-4V7a4 4 0 0 1 4-4z" /><g fill="var(--_on-accent)"><circle cx="10" cy="13.5" r="2.2" /><circle cx="16" cy="13.5" r="2.2" /><circle cx="22" cy="13.5" r="2.2" /></g></svg>`;
