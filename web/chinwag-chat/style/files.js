// Files: in messages, at the message box, and in the gallery.

import { css } from "../../vendor/lit.js";

export const files = css`
  .files { display: flex; flex-wrap: wrap; align-items: start; gap: 4px; max-width: 100%; }
  /* Below each other, and no bubble as wide as if they were side by side. */
  .files:has(> :not(.tile)) { max-width: 320px; }
  .files + .body { margin-top: 6px; }
  .body + .files { margin-top: 6px; }
  chinwag-picture { display: block; }
  chinwag-file { display: grid; grid-template-columns: minmax(0, 1fr); justify-items: start; gap: 4px; max-width: 100%; min-width: 0; }
  /* Two fit side by side on a phone. */
  .files > .tile { max-width: calc(50% - 2px); }
  .picture { position: relative; display: grid; min-height: 0; max-width: 100%; padding: 0; border: 0; border-radius: var(--_small-radius); overflow: hidden; background: var(--_sunk); }
  .picture canvas { display: block; max-width: 100%; height: auto; }
  /* The placeholder would show through a transparent picture. */
  .picture.come canvas { visibility: hidden; }
  .picture img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; }
  .picture span { position: absolute; inset: auto 4px 4px; padding: 2px 6px; border-radius: 5px; background: var(--_panel); color: var(--_ink); font-weight: 400; }
  /* A fixed size, since the real one is known only after loading, when nothing may move. */
  video { display: block; width: 320px; max-width: 100%; aspect-ratio: 16 / 9; border-radius: var(--_small-radius); background: #000; object-fit: contain; }
  audio { width: 300px; max-width: 100%; }
  .filecard { display: flex; align-items: center; gap: 10px; width: 17em; max-width: 100%; min-height: 48px; padding: 6px 10px; border: 1px solid var(--_line); border-radius: var(--_small-radius); background: var(--_panel); color: var(--_ink); text-decoration: none; }
  a.filecard:hover { background: var(--_hover); }
  .filecard svg { flex: none; color: var(--_accent); }
  .filecard .grow { display: grid; font-size: var(--_small); text-align: start; }
  .waiting .filecard .quiet { color: inherit; }
  .filecard progress { width: 100%; height: 6px; margin-top: 4px; accent-color: var(--_accent); }
  chinwag-preview { flex: none; display: block; width: 40px; height: 40px; border-radius: 6px; overflow: hidden; background: var(--_sunk); }
  chinwag-preview canvas { display: block; width: 100%; height: 100%; }

  .attached { display: flex; flex-wrap: wrap; gap: 6px; max-height: 9.5em; overflow-y: auto; list-style: none; }
  .attached li { position: relative; max-width: 100%; }
  .attached .filecard { width: 15em; padding-inline-end: 4px; }
  .attached .alt { width: 100%; min-height: 30px; margin-top: 4px; padding: 2px 8px; font-size: var(--_small); }
  @container chinwag (max-width: 420px) {
    .attached li, .attached .filecard { width: 100%; }
  }
  .compose .box > .icon { flex: none; }
  .details { position: relative; }
  .pane { display: contents; }
  .dropping { position: absolute; z-index: 5; inset: 8px; display: grid; place-items: center; border: 2px dashed var(--_accent); border-radius: var(--_radius); background: color-mix(in oklab, var(--_panel) 88%, transparent); font-weight: 600; pointer-events: none; }

  dialog.gallery { display: none; grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr); gap: 10px; width: calc(100vw - 24px); max-width: none; height: calc(100dvh - 24px); padding: 14px; }
  dialog.gallery[open] { display: grid; }
  .gallery .head { margin: 0; }
  .gallery .head > .icon { display: grid; place-items: center; width: 44px; height: 44px; border-radius: var(--_small-radius); color: var(--_quiet); }
  .gallery .view { position: relative; display: grid; place-items: center; min-height: 0; }
  .gallery .view img { grid-area: 1 / 1; max-width: 100%; max-height: 100%; width: auto; height: auto; min-width: 0; min-height: 0; object-fit: contain; }
  .gallery .view .below { filter: blur(2px); }
  .gallery .view img:not(.below) { position: relative; }
  .gallery footer button[aria-disabled="true"] { opacity: 0.35; background: none; }
  .gallery footer p { text-align: center; }
  .turned { display: inline-flex; transform: scaleX(-1); }
`;
