// The search.

import { css } from "../../vendor/lit.js";

export const finder = css`
  dialog.finder { width: min(42em, calc(100vw - 32px)); max-height: min(46em, calc(100dvh - 12vh - 16px)); margin-top: 10vh; padding: 0; overflow: hidden; }
  dialog.finder[open] { display: flex; flex-direction: column; }
  .finder .whole { display: flex; flex-direction: column; flex: 1; min-height: 0; }
  .finder .line { display: flex; align-items: center; gap: 8px; flex: none; padding: 8px 8px 8px 18px; border-bottom: 1px solid var(--_line); }
  .finder .line:dir(rtl) { padding: 8px 18px 8px 8px; }
  .finder .line > svg { color: var(--_quiet); }
  .finder .line input { flex: 1; text-overflow: ellipsis; border-color: transparent; background: none; padding-inline: 6px; font-size: var(--_large); }
  .finder .line input:focus-visible { outline: none; }
  .finder .line:has(input:focus-visible) { box-shadow: inset 0 -2px var(--_accent); }
  .finder .narrowing { display: flex; flex-wrap: wrap; gap: 6px; flex: none; padding: 10px 14px 2px; }
  .finder .chip { max-width: 100%; min-width: 0; border-radius: 999px; background: var(--_chosen); font-weight: 500; }
  .finder .chip svg { width: 14px; height: 14px; }
  #finder-filters { flex: none; max-height: 50dvh; overflow-y: auto; }
  .finder .filters { display: grid; grid-template-columns: auto minmax(0, 1fr) auto minmax(0, 1fr); gap: 8px 12px; align-items: center; padding: 10px 18px; }
  .finder .filters :is(input:not([type="checkbox"]), select) { width: 100%; min-height: 40px; padding: 5px 10px; font-size: var(--_small); }
  .finder .filters .check { grid-column: span 2; }
  .finder .found { display: flex; flex-direction: column; flex: 1; min-height: 0; overflow-y: auto; }
  .finder .found > * { flex: none; margin-inline: 8px; }
  .finder .found[aria-busy="true"] { cursor: progress; }
  .finder .remark { padding: 14px 10px; color: var(--_quiet); }
  .finder .remark button { margin-top: 10px; }
  .finder .found > .head { margin: 12px 10px 0 18px; justify-content: space-between; }
  .finder .kicker { padding: 10px 10px 4px; }
  .finder .head .kicker { padding: 0; }
  .finder .recent button.grow { flex: 1 1 0; justify-content: flex-start; min-width: 0; padding-inline: 10px; font-weight: 400; text-align: start; }
  .finder .recent svg { color: var(--_quiet); }
  /* The listbox itself must scroll: screen readers and the keyboard do not expect a scrolling element around it. */
  .finder .found > .list { display: block; flex: 1; min-height: 0; margin: 0; padding: 6px 8px 12px; overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; }
  .finder .hit { display: flex; gap: 12px; align-items: center; min-height: 48px; padding: 7px 10px; border-radius: var(--_small-radius); cursor: pointer; }
  .finder .hit.of-message { align-items: start; content-visibility: auto; contain-intrinsic-size: auto 78px; }
  .finder .hit.of-message .avatar { margin-top: 3px; }
  .finder .hit:hover { background: var(--_hover); }
  .finder .hit[aria-selected="true"] { background: var(--_chosen); box-shadow: inset 3px 0 var(--_accent); }
  .finder .hit[aria-selected="true"]:dir(rtl) { box-shadow: inset -3px 0 var(--_accent); }
  .finder .hit .name { font-weight: 600; }
  .finder .hit:is(.of-all, .of-more) { color: var(--_accent); font-weight: 600; }
  .finder .hit.of-more { justify-content: center; text-align: center; }
  .finder .sign { display: grid; place-items: center; width: 30px; height: 30px; flex: none; }
  .finder .about { display: flex; gap: 8px; align-items: baseline; position: relative; }
  .finder .about > * { flex: 0 1 auto; min-width: 0; }
  .finder .about .where { color: var(--_quiet); font-size: var(--_small); flex-shrink: 2; }
  .finder .about .when { flex: none; margin-inline-start: auto; color: var(--_quiet); font-size: var(--_tiny); font-variant-numeric: tabular-nums; }
  .finder .snippet { display: -webkit-box; -webkit-line-clamp: 3; -webkit-box-orient: vertical; overflow: hidden; font-size: var(--_small); unicode-bidi: plaintext; }
  .finder mark { padding: 0 1px; border-radius: 3px; background: color-mix(in oklab, var(--_accent) 28%, var(--_panel)); color: var(--_ink); font-weight: 600; }

  @media (max-width: 719px) {
    dialog.finder { width: 100vw; max-width: none; height: 100dvh; max-height: none; margin: 0; border: 0; border-radius: 0; }
    .finder .filters { grid-template-columns: auto minmax(0, 1fr); }
    .finder .narrowing button { min-height: 40px; }
  }
  @media (forced-colors: active) {
    .finder .hit[aria-selected="true"] { outline: 2px solid Highlight; outline-offset: -2px; }
  }
`;
