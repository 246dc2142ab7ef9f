// The messages and the message box.

import { css } from "../../vendor/lit.js";

export const log = css`
  .scroller { flex: 1; min-height: 0; overflow-y: auto; overflow-anchor: none; overscroll-behavior: contain; position: relative; scrollbar-width: thin; scrollbar-gutter: stable both-edges; container: log / inline-size; }
  .above { height: 52px; display: grid; place-items: center; color: var(--_quiet); font-size: var(--_tiny); text-align: center; padding: 0 16px; }
  .feed { position: relative; max-width: 54em; margin: 0 auto 14px; }
  .window { display: flow-root; position: absolute; inset-inline: 16px; }
  chinwag-log { display: contents; }
  chinwag-message { display: flow-root; }

  chinwag-pins { display: contents; }
  .pins { flex: none; padding: 4px 14px; border-bottom: 1px solid var(--_line); background: var(--_panel); font-size: var(--_small); }
  .pins .row { flex-wrap: nowrap; gap: 6px; }
  .pins ul { max-height: min(40vh, 20em); margin-top: 4px; padding: 4px 0; border-top: 1px solid var(--_line); overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; list-style: none; }
  .pins .row > .entry-pin { flex: 1 1 0; display: flex; justify-content: flex-start; align-items: center; gap: 6px; min-width: 0; min-height: 40px; padding: 4px 6px; font-weight: 400; text-align: start; }
  .pins .entry-pin svg, .pinned svg { flex: none; color: var(--_accent); }
  .pins .author { flex: none; max-width: 45%; font-weight: 650; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .pins .all { display: flex; gap: 2px; width: auto; padding: 0 8px; font-variant-numeric: tabular-nums; }
  .pins .all[aria-expanded="true"] svg { transform: rotate(180deg); }
  .pinned { display: inline-flex; align-items: baseline; gap: 2px; }
  .pinned svg { align-self: center; }

  .day { display: flex; align-items: center; gap: 12px; padding: 18px 0 8px; color: var(--_quiet); font-size: var(--_tiny); font-weight: 600; }
  .day::before, .day::after { content: ""; flex: 1; border-top: 1px solid var(--_line); }
  .day.new { color: var(--_accent); padding-top: 10px; }
  .day.new::before, .day.new::after { border-color: var(--_accent); }

  .change { padding: 10px 6px 0; border-radius: var(--_small-radius); color: var(--_quiet); font-size: var(--_tiny); text-align: center; overflow-wrap: anywhere; }
  .change.aimed p { color: var(--_accent); }
  .message { position: relative; display: grid; grid-template-columns: minmax(0, 1fr); justify-items: start; padding-top: 12px; border-radius: var(--_small-radius); }
  .message.follows { padding-top: 2px; }
  .message.faced { padding-inline-start: 40px; }
  .message.mine { justify-items: end; }
  .message > .opens > .avatar, .message > .avatar { position: absolute; inset-inline-start: 0; top: 30px; }
  .meta { display: flex; flex-wrap: wrap; gap: 0 8px; align-items: baseline; padding: 0 6px 3px; font-size: var(--_tiny); color: var(--_quiet); }
  .meta .author { font-weight: 650; color: var(--_ink); }
  /* Copying several messages excludes these elements. */
  .follows .meta, .note, .beside, .message .avatar { user-select: none; }
  .follows .meta { position: absolute; width: 1px; height: 1px; padding: 0; overflow: hidden; clip-path: inset(50%); }
  .line { display: flex; justify-self: stretch; align-items: start; gap: 6px; min-width: 0; }
  .mine .line { flex-direction: row-reverse; }
  .bubble {
    position: relative;
    max-width: min(38em, 100% - 236px);
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
  .body > span { unicode-bidi: plaintext; }
  .body .mention { display: inline; min-height: 0; padding: 0 4px; border: 0; border-radius: 6px; background: color-mix(in oklab, var(--_accent) 16%, transparent); color: inherit; font: inherit; font-weight: 600; text-align: start; overflow-wrap: anywhere; }
  /* A line may break within a long name, but not between a name and its comma. */
  .body .joined { white-space: nowrap; }
  .joined .mention { max-width: 100%; white-space: pre-wrap; }
  button.mention:hover { text-decoration: underline; }
  .mine .body .mention { background: color-mix(in oklab, var(--_accent) 28%, transparent); }
  .body .mention.own { background: var(--_accent); color: var(--_on-accent); }
  .called .bubble { border-color: var(--_accent); box-shadow: inset 3px 0 0 var(--_accent); }
  .called .bubble:dir(rtl) { box-shadow: inset -3px 0 0 var(--_accent); }
  button.more { display: inline-flex; align-items: center; min-height: 24px; margin-top: 4px; color: var(--_accent); font-size: var(--_small); font-weight: 600; }
  .mine button.more { color: inherit; text-decoration: underline; }
  .body.gone { font-style: italic; color: var(--_quiet); }
  .body.large { font-size: calc(var(--_text) * 2.25); line-height: 1.25; }
  .body a { unicode-bidi: isolate; }
  .body .host { color: var(--_quiet); font-size: var(--_tiny); }
  .body :is(ul, ol, pre, blockquote) { margin: 4px 0; unicode-bidi: plaintext; }
  .body ul { list-style: disc; padding-inline-start: 1.3em; }
  .body ol { list-style: decimal; padding-inline-start: 1.8em; }
  .body strong { font-weight: 700; }
  .body code { padding: 1px 4px; border-radius: 5px; background: var(--_code); font: 0.9em/1.4 ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
  .body pre { padding: 8px 10px; border-radius: var(--_small-radius); background: var(--_code); direction: ltr; text-align: left; white-space: pre-wrap; }
  .body pre code { padding: 0; background: none; }
  .body blockquote { padding-inline-start: 10px; border-inline-start: 3px solid var(--_edge); }
  .quoted { margin: 2px 0 6px; padding-inline-start: 9px; border-inline-start: 3px solid var(--_accent); font-size: var(--_tiny); color: var(--_quiet); overflow-wrap: anywhere; }
  .mine .quoted, .mine .host { color: color-mix(in oklab, var(--_on-mine) 80%, var(--_mine)); }
  .bubble cite { font-style: normal; font-weight: 650; display: block; }
  /* Stacked combining marks stay within their text. */
  .body, .quoted, .meta { overflow: clip; overflow-clip-margin: 3px; }
  .jump { display: block; width: auto; max-width: calc(100% + 8px); min-height: 24px; padding: 2px 4px; margin: -2px -4px; border-radius: 5px; font-weight: 400; text-align: start; line-height: 1.4; overflow-wrap: anywhere; }
  .aimed .bubble { outline: 2px solid var(--_accent); outline-offset: 2px; }
  .reactions { display: flex; flex-wrap: wrap; gap: 4px; padding-top: 4px; max-width: 100%; }
  .mine .reactions { justify-content: end; }
  .pill { min-height: 28px; min-width: 44px; padding: 2px 9px; border-radius: 2em; gap: 5px; font-size: var(--_tiny); font-variant-numeric: tabular-nums; }
  .pill[aria-pressed="true"] { border-color: var(--_accent); background: color-mix(in oklab, var(--_accent) 18%, var(--_raised)); }
  .pill:disabled { cursor: default; background: var(--_raised); color: var(--_ink); }
  .pill .emoji { font-size: 1.15em; max-width: 12em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .replies { display: flex; align-items: center; flex-wrap: wrap; gap: 2px 8px; max-width: 100%; min-height: 32px; margin-top: 4px; padding: 2px 10px 2px 4px; border-radius: 2em; font-size: var(--_tiny); font-weight: 600; }
  .replies time { font-weight: 400; }
  .faces { display: flex; }
  .faces .avatar { width: 24px; height: 24px; font-size: 10px; border: 2px solid var(--_raised); }
  .faces .avatar + .avatar { margin-inline-start: -8px; }
  .under { display: flex; align-items: center; gap: 6px; width: auto; max-width: calc(100% + 8px); margin-bottom: 2px; font-size: var(--_tiny); color: var(--_quiet); }
  .under svg { flex: none; width: 15px; height: 15px; }
  .mine .under { color: color-mix(in oklab, var(--_on-mine) 80%, var(--_mine)); }
  .thread-rows { padding: 6px 16px 14px; container: log / inline-size; }
  .thread-rows .notice { display: grid; justify-items: center; gap: 8px; padding: 12px 4px; color: var(--_quiet); font-size: var(--_small); text-align: center; }
  .details .compose { padding: 4px 16px 14px; }
  .emojis { width: min(26em, calc(100% - 24px)); }
  .emojis .all { height: min(45vh, 21em); overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; }
  .emojis h3 { padding: 8px 0 4px; }
  .emojis .grid { display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: 2px; }
  .emojis .cells { display: contents; }
  .emojis .titled { content-visibility: auto; contain-intrinsic-size: auto 900px; }
  .emojis .emoji { min-width: 0; min-height: 44px; padding: 0; font-size: 1.5em; font-weight: 400; }
  .note { padding: 2px 6px 0; font-size: var(--_tiny); color: var(--_quiet); }
  .mine .note { text-align: end; }
  .note.error { color: var(--_error); }
  .failed .bubble { border-color: var(--_error); }
  .waiting .bubble { opacity: 0.75; }
  .remedy { display: flex; gap: 6px; padding-top: 4px; }

  /* Keeps its space while hidden, so that it neither covers nor moves anything. */
  .beside { flex: 1 1 0; display: flex; flex-wrap: wrap; align-items: center; min-width: 0; visibility: hidden; opacity: 0; }
  .mine .beside { justify-content: end; }
  .stamp { padding: 0 4px; font-size: var(--_tiny); line-height: 1.2; color: var(--_quiet); white-space: nowrap; }
  .actions { display: flex; flex-wrap: wrap; }
  .mine .actions { justify-content: end; }
  .actions button.icon { min-width: 32px; min-height: 32px; width: 32px; }
  .message:is(:hover, :focus-within) .beside { visibility: visible; opacity: 1; }
  .opener { display: none; }
  /* On touch screens, the buttons take their own line after a touch. */
  @media (pointer: coarse) {
    .line { flex-wrap: wrap; }
    .beside { flex-basis: 100%; display: none; }
    .message.touched .beside { display: flex; visibility: visible; opacity: 1; }
    /* For screen readers, which navigate without touching the message. */
    .opener { display: inline; position: absolute; width: 1px; min-width: 0; height: 1px; min-height: 0; padding: 0; border: 0; overflow: hidden; clip-path: inset(50%); user-select: none; }
    .actions button.icon { min-width: 44px; min-height: 44px; width: 44px; }
    .pill { min-height: 36px; }
  }

  .edge { position: relative; }
  .tonewest { position: absolute; z-index: 2; inset-inline-end: 22px; bottom: 12px; border-radius: 2em; box-shadow: var(--_shadow); }
  .typing { min-height: 22px; padding: 0 41px; font-size: var(--_tiny); color: var(--_quiet); max-width: calc(54em + 16px); width: 100%; margin: 0 auto; }

  .compose { position: relative; flex: none; display: grid; grid-template-columns: minmax(0, 1fr); gap: 6px; padding: 4px 24px 14px; max-width: calc(54em + 16px); width: 100%; margin: 0 auto; }
  .compose .box { display: flex; align-items: end; gap: 8px; }
  .compose textarea { border-radius: calc(var(--_radius) * 1.5); padding: 10px 16px; }
  .suggestions { position: absolute; z-index: 4; inset-inline: 24px; bottom: calc(100% - 2px); display: grid; grid-template-columns: minmax(0, 1fr); max-height: min(19em, 45vh); margin: 0; padding: 6px; overflow-y: auto; list-style: none; border: 1px solid var(--_line); border-radius: var(--_radius); background: var(--_panel); box-shadow: var(--_shadow); }
  .suggestion { display: flex; align-items: center; gap: 10px; min-height: 44px; padding: 4px 10px; border-radius: var(--_small-radius); cursor: pointer; }
  .suggestion[aria-selected="true"], .suggestion:hover { background: var(--_hover); }
  .suggestion[aria-selected="true"] { outline: 2px solid var(--_accent); outline-offset: -2px; }
  .consent { padding-top: 14px; border-top: 1px solid var(--_line); }
  .compose .send { flex: none; border-radius: calc(var(--_radius) * 1.5); }
  .context { display: flex; align-items: center; gap: 10px; padding: 4px 4px 4px 12px; padding-inline: 12px 4px; border-inline-start: 3px solid var(--_accent); border-radius: 4px; background: var(--_hover); font-size: var(--_small); }

  @container chinwag (max-width: 420px) {
    .window { inset-inline: 10px; }
    .compose { padding: 4px 10px 10px; }
    .compose .send { padding-inline: 9px; }
    .compose .send > span:not(.mirrors) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    .typing { padding: 0 27px; }
    .message.faced { padding-inline-start: 36px; }
  }
  @media (pointer: coarse) {
    .bubble { max-width: min(38em, 92%); }
  }
  /* Several rows of buttons leave more space for the text. */
  @container log (max-width: 880px) {
    @media not (pointer: coarse) {
      .bubble { max-width: min(38em, 100% - 138px); }
    }
  }
  @container log (max-width: 440px) {
    @media not (pointer: coarse) {
      .bubble { max-width: calc(100% - 106px); }
    }
  }
`;
