// The layout: one pane if there is little room, two beside each other, or three.

import { css } from "../../vendor/lit.js";

export const frame = css`
  .frame { display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr); height: 100%; }
  .frame :is(.side, .middle, .details) { grid-area: 1 / 1; min-width: 0; min-height: 0; }
  .side, .details { display: flex; flex-direction: column; background: var(--_panel); }
  .frame[data-pane="list"] :is(.middle, .details),
  .frame[data-pane="chat"] :is(.side, .details),
  .frame:is([data-pane="details"], [data-pane="thread"]) :is(.side, .middle) { display: none; }
  .frame.alone .side { display: none; }

  .bar {
    display: flex;
    align-items: center;
    gap: 10px;
    flex: none;
    min-height: 64px;
    padding: 10px 14px;
    border-bottom: 1px solid var(--_line);
  }
  .side > .bar { border-bottom: 0; }
  .scroll { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; padding: 4px 10px 16px; scrollbar-width: thin; }
  .brand { font: 600 calc(var(--_text) * 1.375) / 1.1 var(--_display); letter-spacing: -0.015em; }
  slot[name="logo"]::slotted(*) { display: block; flex: none; max-height: 34px; }
  .me { padding: 0; border: 0; border-radius: 50%; background: none; }
  .me:hover .avatar { filter: brightness(1.05); }

  .tabs { display: flex; flex-wrap: wrap; gap: 4px; margin: 0 14px 8px; padding: 4px; border-radius: var(--_radius); background: var(--_sunk); }
  .tabs button { flex: 1; min-width: min-content; min-height: 38px; padding: 4px 8px; border: 0; background: none; color: var(--_quiet); font-size: var(--_small); }
  .tabs button[aria-pressed="true"] { background: var(--_raised); color: var(--_ink); box-shadow: 0 1px 2px rgb(0 0 0 / 0.12); }

  .status {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 10px;
    margin: 0 14px 8px;
    padding: 8px 12px;
    border-radius: var(--_small-radius);
    background: var(--_sunk);
    font-size: var(--_small);
  }
  .status[data-state="waiting"] { background: var(--_error-soft); }
  .status button { margin-inline-start: auto; }
  .middle > .status { margin: 0; border-radius: 0; justify-content: center; }

  .empty { display: grid; justify-items: center; gap: 6px; margin: auto; padding: 32px 24px; text-align: center; max-width: 26em; }
  .empty svg { color: var(--_accent); margin-bottom: 10px; }
  .empty button { margin-top: 14px; }

  .middle { display: flex; flex-direction: column; position: relative; background: var(--_page); }
  chinwag-conversation, chinwag-group, chinwag-thread, chinwag-conversations, chinwag-people { display: contents; }
  .middle .bar { background: var(--_panel); }

  /* Signing in */
  .door { display: grid; height: 100%; overflow-y: auto; padding: 24px 20px; align-content: safe center; justify-content: center; grid-template-columns: minmax(0, 24em); }
  .door form { gap: 4px; padding: 28px; border: 1px solid var(--_line); border-radius: calc(var(--_radius) * 1.5); background: var(--_panel); box-shadow: var(--_shadow); }
  .door .brand { display: flex; align-items: center; gap: 10px; font-size: var(--_huge); margin-bottom: 6px; }
  .door .lead { margin-bottom: 14px; color: var(--_quiet); }
  .door label { margin-top: 10px; }
  .door .row { margin-top: 20px; }
  .door .row button { flex: 1 1 auto; padding-inline: 12px; }

  /* Lists */
  .list { display: grid; gap: 2px; grid-template-columns: minmax(0, 1fr); }
  /* A long list: rows of equal height, positioned individually. */
  .list.part { display: block; position: relative; }
  .list.part > li { position: absolute; inset-inline: 0; }
  /* A conversation that is being loaded. */
  .list > .blank { height: 60px; }
  .list:not(.part) > .blank { position: relative; }
  .blank::before, .blank::after { content: ""; position: absolute; background: var(--_sunk); color: var(--_sunk); }
  .blank::before { inset-inline-start: 10px; top: 9px; width: 42px; height: 42px; border-radius: 50%; }
  .blank::after { inset-inline-start: 64px; top: 15px; width: 38%; height: 10px; border-radius: 5px; box-shadow: 0 19px 0 currentColor; }
  .entry {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr) auto;
    gap: 0 12px;
    width: 100%;
    padding: 9px 10px;
    border: 0;
    border-radius: var(--_radius);
    background: none;
    text-align: start;
    font-weight: 400;
    justify-items: stretch;
  }
  .entry .avatar { grid-row: 1 / 3; align-self: center; }
  /* Stays next to the avatar, whatever its direction. */
  .entry .name { justify-self: start; max-width: 100%; font-weight: 600; }
  .entry .preview:nth-last-child(1) { grid-column: 2 / -1; }
  /* Truncation must not cut the marks below the letters of tall scripts. */
  .entry :is(.cut, .lead) { padding-block: 0.2em; margin-block: -0.2em; }
  .entry .preview { color: var(--_quiet); font-size: var(--_small); }
  .entry .when { justify-self: end; align-self: center; color: var(--_quiet); font-size: var(--_tiny); font-variant-numeric: tabular-nums; }
  .entry .badges { display: flex; margin-block: -2px; gap: 4px; justify-self: end; align-self: center; }
  .entry .badge.at { background: var(--_raised); color: var(--_accent); box-shadow: inset 0 0 0 1.5px var(--_accent); }
  .entry.unread :is(.name, .preview) { font-weight: 650; color: var(--_ink); }
  .entry[aria-current="true"] { background: var(--_chosen); }
  .entry[aria-current="true"] .dot { border-color: var(--_chosen); }
  .entry .failed { color: var(--_error); }
  .entry .when { display: flex; align-items: center; gap: 4px; }
  .entry.muted :is(.name, .preview) { color: var(--_quiet); }
  .entry.muted .avatar { filter: grayscale(0.7); }
  .entry.muted .badge { background: var(--_sunk); color: var(--_quiet); }
  .search { margin: 0 14px 8px; }
  .search input { min-height: 40px; border-color: transparent; background: var(--_sunk); border-radius: var(--_radius); }

  .person { display: flex; gap: 10px; align-items: center; min-height: 56px; padding: 6px 4px; }
  .person > button { flex: none; }
  .contacts.part { position: relative; }
  .contacts.part > li { position: absolute; inset-inline: 0; }
  .section { padding: 14px 4px 2px; }
  .section + .section { border-top: 1px solid var(--_line); margin-top: 10px; }
  .section > .kicker { margin-bottom: 4px; }
  .section > form { padding-bottom: 8px; }

  /* A long name takes its own line, with the actions below. */
  .member { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 8px; padding: 6px 0; }
  .member select { flex: none; max-width: 10em; }
  .member > .name { flex: 1 1 auto; min-width: 0; max-width: calc(100% - 38px); font-weight: 600; }
  .member .name p { font-weight: 400; }
  .member .row { margin-inline-start: auto; }
  .section input + ul, .section :is(ul, p) + form { margin-top: 8px; }
  .rest { padding: 14px; }
  .section.stack > * + label, .section form.stack > * + label { margin-top: 8px; }
  .section .name > p:first-child { font-weight: 600; }

  chinwag-menu, chinwag-person-menu { flex: none; }
  .menu {
    position: fixed;
    z-index: 4;
    inset: auto;
    margin: 0;
    display: grid;
    color: inherit;
    width: max-content;
    max-width: min(20em, calc(100vw - 28px));
    padding: 6px;
    border: 1px solid var(--_line);
    border-radius: var(--_radius);
    background: var(--_panel);
    box-shadow: var(--_shadow);
  }
  .menu button { min-height: 44px; justify-content: flex-start; border: 0; background: none; text-align: start; font-weight: 400; }
  .menu button:is(:hover, :focus-visible) { background: var(--_hover); }

  /* Dialogs */
  dialog {
    width: min(27em, calc(100vw - 24px));
    max-height: calc(100dvh - 24px);
    padding: 22px;
    border: 1px solid var(--_line);
    border-radius: calc(var(--_radius) * 1.4);
    background: var(--_panel);
    color: var(--_ink);
    box-shadow: var(--_shadow);
    overflow-y: auto;
  }
  dialog::backdrop { background: rgb(10 14 12 / 0.45); }
  dialog .head { display: flex; flex-wrap: wrap; align-items: center; gap: 10px; margin-bottom: 12px; }
  /* Break a word only if it does not fit into a line. */
  dialog .head > .title { flex: 1 1 min-content; min-width: 0; overflow-wrap: break-word; }
  dialog .head > .icon { margin-inline-start: auto; }
  dialog .foot { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 8px; margin-top: 20px; }
  dialog .foot + .error { margin-top: 12px; }
  dialog .tabs { margin: 0 0 14px; }

  .keys { display: grid; gap: 8px; }
  .keys div { display: grid; grid-template-columns: minmax(7em, auto) minmax(0, 1fr); gap: 12px; align-items: baseline; }
  .keys dd { color: var(--_quiet); }
  kbd { padding: 1px 6px; border: 1px solid var(--_line); border-bottom-width: 2px; border-radius: 5px; background: var(--_raised); font: inherit; font-size: var(--_small); }

  .toasts { position: absolute; z-index: 5; inset-inline: 12px; bottom: 84px; display: grid; justify-items: center; gap: 8px; pointer-events: none; }
  .toast { max-width: 34em; padding: 11px 16px; border-radius: var(--_radius); background: var(--_ink); color: var(--_page); font-size: var(--_small); box-shadow: var(--_shadow); pointer-events: auto; }

  .only-wide { display: none !important; }
  @container chinwag (min-width: 720px) {
    .only-wide { display: inline-flex !important; }
    .frame { grid-template-columns: minmax(260px, 330px) minmax(0, 1fr); }
    .frame .side { grid-area: 1 / 1; display: flex !important; border-inline-end: 1px solid var(--_line); }
    .frame :is(.middle, .details) { grid-area: 1 / 2; }
    .frame[data-pane="list"] .middle { display: flex; }
    .frame.alone { grid-template-columns: minmax(0, 1fr); }
    .frame.alone .side { display: none !important; }
    .frame.alone :is(.middle, .details) { grid-area: 1 / 1; }
    .only-narrow { display: none !important; }
  }
  @container chinwag (min-width: 1080px) {
    .frame[data-pane="details"] { grid-template-columns: minmax(260px, 320px) minmax(0, 1fr) 320px; }
    .frame[data-pane="thread"] { grid-template-columns: minmax(240px, 300px) minmax(0, 1fr) minmax(340px, 32%); }
    .frame:is([data-pane="details"], [data-pane="thread"]) .middle { display: flex; }
    .frame:is([data-pane="details"], [data-pane="thread"]) .details { grid-area: 1 / 3; border-inline-start: 1px solid var(--_line); }
    .frame.alone[data-pane="details"] { grid-template-columns: minmax(0, 1fr) 320px; }
    .frame.alone[data-pane="thread"] { grid-template-columns: minmax(0, 1fr) minmax(340px, 38%); }
    .frame.alone:is([data-pane="details"], [data-pane="thread"]) .details { grid-area: 1 / 2; }
  }
`;
