// The shared style: colours, fonts, spacing, fields and buttons. The host page may set properties that begin with
// `--chinwag-` (docs/embedding.md); `--_` properties are computed from them.

import { css } from "../../vendor/lit.js";

export const base = css`
  :host {
    color-scheme: light dark;
    --_accent: var(--chinwag-accent, light-dark(#1f6652, #7fcfb4));
    --_on-accent: var(--chinwag-on-accent, light-dark(#ffffff, #0d201a));
    /* All tints include a little of the accent colour. */
    --_page: var(--chinwag-background, color-mix(in oklab, var(--_accent) 5%, light-dark(#f8f6f2, #121413)));
    --_panel: var(--chinwag-panel, light-dark(#fffefd, color-mix(in oklab, var(--_accent) 4%, #1b1d1c)));
    --_raised: light-dark(#ffffff, color-mix(in oklab, var(--_accent) 5%, #242726));
    --_sunk: color-mix(in oklab, var(--_accent) 8%, light-dark(#efedea, #0d0f0e));
    --_hover: color-mix(in oklab, var(--_accent) 7%, light-dark(#f5f3f0, #262a28));
    --_line: var(--chinwag-line, color-mix(in oklab, var(--_accent) 10%, light-dark(#e3e0da, #2f3331)));
    --_edge: light-dark(#87897f, #747b75);
    --_ink: var(--chinwag-ink, light-dark(#1d221f, #e9ebe6));
    --_quiet: var(--chinwag-quiet, light-dark(#5b6159, #a4aca5));
    --_mine: var(--chinwag-mine, color-mix(in oklab, var(--_accent) 17%, light-dark(#ffffff, #1b1f1d)));
    --_on-mine: var(--chinwag-on-mine, var(--_ink));
    --_chosen: color-mix(in oklab, var(--_accent) 13%, var(--_panel));
    --_code: light-dark(rgb(30 40 34 / 0.07), rgb(255 255 255 / 0.09));
    --_error: light-dark(#a22a1a, #ff9f8c);
    --_error-soft: light-dark(#fbe9e4, #3b211c);
    --_online: light-dark(#2a8a56, #58c48a);
    --_afk: light-dark(#b06f10, #e3ae58);
    --_radius: var(--chinwag-radius, 14px);
    --_small-radius: calc(var(--_radius) * 0.7);
    /* Not relative to the page's root, which may have any size. */
    --_text: var(--chinwag-font-size, 16px);
    --_small: calc(var(--_text) * 0.875);
    --_tiny: calc(var(--_text) * 0.8125);
    --_large: calc(var(--_text) * 1.1875);
    --_huge: calc(var(--_text) * 1.875);
    --_shadow: 0 1px 2px rgb(20 25 20 / 0.06), 0 8px 28px rgb(20 25 20 / 0.12);
    --_display: "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", Charter, Georgia, serif;

    display: block;
    min-height: 320px;
  }
  :host([theme="light"]) { color-scheme: light; }
  :host([theme="dark"]) { color-scheme: dark; }
  :host([hidden]) { display: none; }

  /* Universal rules of the page apply to the host element, but not inside it. */
  .root {
    container: chinwag / inline-size;
    position: relative;
    height: 100%;
    min-height: inherit;
    overflow: hidden;
    border-radius: inherit;
    background: var(--_page);
    color: var(--_ink);
    font: 400 var(--_text) / 1.45 var(--chinwag-font, "Inter", "Segoe UI Variable Text", "Segoe UI", "Helvetica Neue", "Noto Sans", system-ui, sans-serif);
    font-synthesis-weight: none;
    text-align: start;
    letter-spacing: normal;
    word-spacing: normal;
    text-transform: none;
    white-space: normal;
    visibility: visible;
    cursor: auto;
    -webkit-text-size-adjust: 100%;
  }

  /* All languages of the interface are left-to-right, even in a right-to-left page. */
  .root:dir(rtl) { text-align: right; }
  .root:dir(rtl) :is(p, h2, h3, label, legend, dt, dd, time, .above, button > span) { unicode-bidi: plaintext; }
  .root:dir(rtl) select { direction: ltr; }

  *, *::before, *::after { box-sizing: border-box; }
  [hidden] { display: none !important; }
  h2, h3, p, ul, ol, blockquote, fieldset, dl, dd { margin: 0; padding: 0; border: 0; min-width: 0; }
  ul, ol { list-style: none; }
  h2, h3 { font: inherit; }
  button, input, textarea, select { font: inherit; color: inherit; letter-spacing: inherit; margin: 0; }
  bdi, p, h2, h3, label { overflow-wrap: anywhere; }
  svg { display: block; flex: none; width: calc(var(--_text) * var(--_px) / 16); aspect-ratio: 1; }
  .px14 { --_px: 14; }
  .px16 { --_px: 16; }
  .px18 { --_px: 18; }
  .px20 { --_px: 20; }
  .px22 { --_px: 22; }
  .px24 { --_px: 24; }
  .px34 { --_px: 34; }
  .px56 { --_px: 56; }
  .mirrors:dir(rtl) { transform: scaleX(-1); }
  a { color: inherit; text-decoration-color: var(--_accent); text-underline-offset: 0.15em; text-decoration-thickness: 1.5px; }

  /* A long word fits beside a button on a narrow screen, however large the text is. */
  .title { font-weight: 650; font-size: min(var(--_large), 8.5cqi); line-height: 1.25; letter-spacing: -0.01em; text-wrap: balance; }
  .kicker { font-size: var(--_tiny); font-weight: 650; color: var(--_quiet); letter-spacing: 0.02em; }
  .quiet { color: var(--_quiet); }
  .small { font-size: var(--_small); }
  .tiny { font-size: var(--_tiny); }
  .error { color: var(--_error); font-size: var(--_small); }
  .error:empty, .hint:empty { display: none; }
  .hint { color: var(--_quiet); font-size: var(--_tiny); }
  .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; user-select: none; }
  .row { display: flex; gap: 8px; align-items: center; min-width: 0; }
  .row > button { flex: none; }
  .row.top { align-items: start; }
  .description { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; }
  .wrap { flex-wrap: wrap; }
  .grow { flex: 1 1 0; min-width: 0; }
  .stack { display: grid; gap: 6px; align-content: start; grid-template-columns: minmax(0, 1fr); }
  .cut, .cut > bdi:only-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  /* Truncate at the text's own end, whichever side that is. */
  .cut > bdi:only-child { display: block; }
  /* The text stays next to its lead, even in a right-to-left page. */
  .led { display: flex; gap: 0.3em; min-width: 0; }
  .led > .lead { flex: none; max-width: 60%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .led > .cut { flex: 0 1 auto; min-width: 0; }
  .named { display: flex; align-items: baseline; gap: 6px; min-width: 0; }

  :focus { outline: none; }
  :focus-visible { outline: 3px solid var(--_accent); outline-offset: 2px; }

  label, legend { font-size: var(--_small); font-weight: 600; }
  input, textarea, select {
    width: 100%;
    min-width: 0;
    min-height: 44px;
    padding: 9px 13px;
    border: 1px solid var(--_edge);
    border-radius: var(--_small-radius);
    background: var(--_raised);
  }
  input::placeholder, textarea::placeholder { color: var(--_quiet); opacity: 1; }
  input:placeholder-shown { text-overflow: ellipsis; }
  input:focus-visible, textarea:focus-visible, select:focus-visible { outline-offset: -1px; }
  [aria-invalid="true"] { border-color: var(--_error); }
  textarea { resize: none; field-sizing: content; max-height: 11em; line-height: 1.4; }
  dialog textarea { min-height: 5.5em; }
  select { width: auto; min-height: 36px; padding: 5px 8px; font-size: var(--_small); }

  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 7px;
    min-height: 44px;
    min-width: 44px;
    padding: 9px 16px;
    border: 1px solid var(--_line);
    border-radius: var(--_small-radius);
    background: var(--_raised);
    font-weight: 600;
    line-height: 1.2;
    overflow-wrap: normal;
    cursor: pointer;
  }
  button:hover { background: var(--_hover); }
  textarea:read-only { background: var(--_sunk); }
  button:disabled, textarea:disabled { color: var(--_quiet); background: var(--_sunk); cursor: not-allowed; }
  button.primary { background: var(--_accent); border-color: var(--_accent); color: var(--_on-accent); }
  button.primary:hover { background: color-mix(in oklab, var(--_accent) 88%, var(--_ink)); }
  button.primary:disabled { background: var(--_sunk); border-color: var(--_line); color: var(--_quiet); }
  button.danger { color: var(--_error); }
  button.danger.primary { background: var(--_error); border-color: var(--_error); color: light-dark(#fff, #2a0f0a); }
  button.bare {
    display: inline;
    min-height: 0;
    min-width: 0;
    padding: 0;
    border: 0;
    background: none;
    text-align: start;
    font-weight: inherit;
    cursor: pointer;
  }
  button.bare:hover { text-decoration: underline; }
  /* Truncate the text inside a button. */
  .cut > button.bare { max-width: 100%; }
  .cut > button.bare > bdi { display: block; overflow: hidden; text-overflow: ellipsis; }
  .opens { display: contents; cursor: pointer; }
  .tag { padding: 0 6px; border: 1px solid var(--_line); border-radius: 999px; color: var(--_quiet); font-size: var(--_tiny); font-weight: 500; }
  .about { justify-items: center; text-align: center; padding-bottom: 6px; }
  .about .row { justify-content: center; margin-top: 8px; }
  .check { display: flex; gap: 10px; align-items: center; min-height: 44px; font-weight: 400; }
  .check input { width: 20px; min-height: 20px; flex: none; accent-color: var(--_accent); }
  button.compact { min-height: 34px; min-width: 34px; padding: 5px 11px; font-size: var(--_small); }
  button.icon { padding: 0; width: 44px; flex: none; border-color: transparent; background: none; color: var(--_quiet); }
  button.icon.compact { width: 34px; }
  button.icon:hover, button.plain:hover { background: var(--_hover); color: var(--_ink); }
  button.plain { border-color: transparent; background: none; }

  .avatar {
    display: grid;
    place-items: center;
    flex: none;
    position: relative;
    width: 42px;
    height: 42px;
    border-radius: 50%;
    font-weight: 650;
    font-size: calc(var(--_text) * 0.9375);
    line-height: 1;
    background: light-dark(oklch(0.9 0.05 var(--_hue)), oklch(0.36 0.06 var(--_hue)));
    color: light-dark(oklch(0.38 0.09 var(--_hue)), oklch(0.9 0.06 var(--_hue)));
    user-select: none;
  }
  .avatar chinwag-avatar { border-radius: inherit; }
  .avatar img { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: inherit; object-fit: cover; }
  .avatar.large { width: 88px; height: 88px; font-size: var(--_huge); }
  .avatar.large .dot { inset-inline-end: 6px; bottom: 6px; }
  .avatar.little { width: 30px; height: 30px; font-size: var(--_tiny); }
  .avatar.group { border-radius: 32%; }
  .avatar.plain { background: var(--_sunk); color: var(--_quiet); }
  .hue-0 { --_hue: 20; }
  .hue-1 { --_hue: 60; }
  .hue-2 { --_hue: 95; }
  .hue-3 { --_hue: 140; }
  .hue-4 { --_hue: 180; }
  .hue-5 { --_hue: 230; }
  .hue-6 { --_hue: 285; }
  .hue-7 { --_hue: 340; }
  .dot {
    position: absolute;
    inset-inline-end: -2px;
    bottom: -2px;
    width: 13px;
    height: 13px;
    border-radius: 50%;
    border: 2.5px solid var(--_panel);
    background: var(--_panel);
    box-shadow: inset 0 0 0 2.5px var(--_edge);
  }
  .dot.online { background: var(--_online); box-shadow: none; }
  .dot.afk { background: var(--_afk); box-shadow: none; }

  .badge {
    display: inline-block;
    min-width: 1.6em;
    padding: 0.1em 0.5em;
    border-radius: 1em;
    background: var(--_accent);
    color: var(--_on-accent);
    font-size: var(--_tiny);
    font-weight: 650;
    font-variant-numeric: tabular-nums;
    text-align: center;
  }

  @media (forced-colors: active) {
    .dot.online, .dot.afk { background: CanvasText; }
    [aria-current="true"], [aria-pressed="true"] { outline: 2px solid Highlight; outline-offset: -2px; }
  }
  @media (prefers-reduced-motion: no-preference) {
    button, .beside { transition: background-color 120ms, color 120ms, opacity 120ms; }
  }
`;
