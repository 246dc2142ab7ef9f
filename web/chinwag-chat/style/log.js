// The messages and the message box.

import { css } from "../../vendor/lit.js";

export const log = css`
  .scroller { flex: 1; min-height: 0; overflow-y: auto; overflow-anchor: none; overscroll-behavior: contain; position: relative; scrollbar-width: thin; scrollbar-gutter: stable both-edges; }
  .above { height: 52px; display: grid; place-items: center; color: var(--_quiet); font-size: var(--_tiny); text-align: center; padding: 0 16px; }
  .feed { position: relative; max-width: 54em; margin: 0 auto 14px; }
  .window { display: flow-root; position: absolute; inset-inline: 16px; }
  chinwag-log { display: contents; }
  chinwag-message { display: flow-root; }

  .day { display: flex; align-items: center; gap: 12px; padding: 18px 0 8px; color: var(--_quiet); font-size: var(--_tiny); font-weight: 600; }
  .day::before, .day::after { content: ""; flex: 1; border-top: 1px solid var(--_line); }
  .day.new { color: var(--_accent); padding-top: 10px; }
  .day.new::before, .day.new::after { border-color: var(--_accent); }

  .message { position: relative; display: grid; grid-template-columns: minmax(0, 1fr); justify-items: start; padding-top: 12px; border-radius: var(--_small-radius); }
  .message.follows { padding-top: 2px; }
  .message.faced { padding-inline-start: 40px; }
  .message.mine { justify-items: end; }
  .message > .avatar { position: absolute; inset-inline-start: 0; top: 30px; }
  .meta { display: flex; flex-wrap: wrap; gap: 0 8px; align-items: baseline; padding: 0 6px 3px; font-size: var(--_tiny); color: var(--_quiet); }
  .meta .author { font-weight: 650; color: var(--_ink); }
  .follows .meta { position: absolute; width: 1px; height: 1px; padding: 0; overflow: hidden; clip-path: inset(50%); }
  .bubble {
    position: relative;
    max-width: min(86%, 38em);
    min-width: 0;
    padding: 8px 13px;
    border: 1px solid var(--_line);
    border-radius: calc(var(--_radius) * 1.25);
    background: var(--_raised);
  }
  .mine .bubble { background: var(--_mine); border-color: transparent; color: var(--_on-mine); }
  .message:not(.mine):not(.follows) .bubble { border-start-start-radius: 5px; }
  .message.mine:not(.follows) .bubble { border-start-end-radius: 5px; }
  .body { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; text-align: start; }
  .body.gone { font-style: italic; color: var(--_quiet); }
  .body a { unicode-bidi: isolate; }
  .bubble blockquote { margin: 2px 0 6px; padding-inline-start: 9px; border-inline-start: 3px solid var(--_accent); font-size: var(--_tiny); color: var(--_quiet); }
  .mine blockquote { color: color-mix(in oklab, var(--_on-mine) 80%, var(--_mine)); }
  .bubble cite { font-style: normal; font-weight: 650; display: block; }
  .note { padding: 2px 6px 0; font-size: var(--_tiny); color: var(--_quiet); }
  .mine .note { text-align: end; }
  .note.error { color: var(--_error); }
  .failed .bubble { border-color: var(--_error); }
  .waiting .bubble { opacity: 0.75; }
  .remedy { display: flex; gap: 6px; padding-top: 4px; }

  .actions {
    position: absolute;
    z-index: 1;
    top: -18px;
    inset-inline-end: 8px;
    display: flex;
    padding: 2px;
    border: 1px solid var(--_line);
    border-radius: var(--_small-radius);
    background: var(--_raised);
    box-shadow: 0 2px 8px rgb(20 25 20 / 0.12);
    visibility: hidden;
    opacity: 0;
  }
  .actions button { min-width: 34px; min-height: 32px; width: 34px; }
  .message:is(:hover, :focus-within) .actions { visibility: visible; opacity: 1; }
  /* If there are several, only for the one with the focus: two bars would overlap. */
  .window:has(.message:focus-within) .message:not(:focus-within) .actions { visibility: hidden; }

  .edge { position: relative; }
  .tonewest { position: absolute; z-index: 2; inset-inline-end: 22px; bottom: 12px; border-radius: 2em; box-shadow: var(--_shadow); }
  .typing { min-height: 22px; padding: 0 22px; font-size: var(--_tiny); color: var(--_quiet); max-width: 54em; width: 100%; margin: 0 auto; }

  .compose { position: relative; flex: none; display: grid; grid-template-columns: minmax(0, 1fr); gap: 6px; padding: 4px 24px 14px; max-width: calc(54em + 16px); width: 100%; margin: 0 auto; }
  .compose .box { display: flex; align-items: end; gap: 8px; }
  .compose textarea { border-radius: calc(var(--_radius) * 1.5); padding: 10px 16px; }
  .consent { padding-top: 14px; border-top: 1px solid var(--_line); }
  .compose .send { flex: none; border-radius: calc(var(--_radius) * 1.5); }
  .context { display: flex; align-items: center; gap: 10px; padding: 4px 4px 4px 12px; padding-inline: 12px 4px; border-inline-start: 3px solid var(--_accent); border-radius: 4px; background: var(--_hover); font-size: var(--_small); }

  @container chinwag (max-width: 420px) {
    .window { inset-inline: 10px; }
    .compose { padding: 4px 10px 10px; }
    .bubble { max-width: 92%; }
    .message.faced { padding-inline-start: 36px; }
  }
`;
