// The details of a group: description, picture, slow mode and retention, shown to members and changed by its owner and admins.

import { html, nothing } from "../vendor/lit.js";
import { addressOf } from "./avatar.js";
import { face } from "./face.js";
import "./picture.js";

/** The offered seconds of slow mode. */
const SLOW = [0, 5, 10, 30, 60, 300, 900, 3600, 21_600];

/** The name, picture and description of a group. */
export function about(part, group) {
  const { name, id, description, avatar, slow, keep, open } = group;
  return html`<div class="section row top">
    ${face(name, { group: id, profile: { avatar } })}
    <div class="name"><p><bdi>${name}</bdi></p>
      ${description ? html`<p class="small description" dir="auto">${description}</p>` : nothing}
      ${open ? html`<p class="quiet tiny">${part.say("details.open.now")}</p>` : nothing}
      ${slow ? html`<p class="quiet tiny">${part.say("details.slow.now", { time: slowWords(part, slow) })}</p>` : nothing}
      ${keep ? html`<p class="quiet tiny">${part.say("details.keep.now", { time: unitWords(part, "day", keep) })}</p>` : nothing}</div>
  </div>`;
}

/** The form for users who may change it; calls `save` with the changes. */
export function detailsForm(part, group, save) {
  const { chat } = part;
  const pictures = chat.offer?.features.includes("avatar_urls");
  const submit = (event) => {
    event.preventDefault();
    const { description, avatar, slow, keep, open } = event.target.elements;
    if (!keep.reportValidity()) return;
    save({
      description: description.value.trim() || null,
      slow: Number(slow.value),
      keep: Number(keep.value) || null,
      ...(open.checked !== group.open && { open: open.checked }),
      ...(pictures && avatar.value.trim() !== addressOf(group.avatar) && { avatar: avatar.value.trim() || null }),
    });
  };
  const offered = SLOW.includes(group.slow) ? SLOW : [...SLOW, group.slow].sort((a, b) => a - b);
  const option = (seconds) => html`<option value=${seconds} ?selected=${seconds === group.slow}>${slowWords(part, seconds)}</option>`;
  const set = (avatar) => chat.client.updateGroup(group.id, { avatar });
  return html`${chat.offer?.files ? html`<chinwag-picture class="section" .chat=${chat} .avatar=${group.avatar} .save=${set}></chinwag-picture>` : nothing}
  <form class="section stack" novalidate @submit=${submit}>
    <label for="group-description">${part.say("details.description")}</label>
    <textarea id="group-description" name="description" rows="3" maxlength="1000" dir="auto" aria-describedby="group-description-error" .value=${group.description ?? ""}></textarea>
    ${part.refusal("group-description")}
    ${pictures
      ? html`<label for="group-avatar">${part.say("details.avatar")}</label>
          <input id="group-avatar" name="avatar" type="url" maxlength="2048" placeholder="https://" aria-describedby="group-avatar-error" .value=${addressOf(group.avatar)}>
          ${part.refusal("group-avatar")}`
      : nothing}
    <label for="group-slow">${part.say("details.slow")}</label>
    <select id="group-slow" name="slow" aria-describedby="group-slow-hint">${offered.map(option)}</select>
    <p class="hint" id="group-slow-hint">${part.say("details.slow.hint")}</p>
    <label for="group-keep">${part.say("details.keep")}</label>
    <input id="group-keep" name="keep" type="number" inputmode="numeric" min="1" max="36500" step="1" aria-describedby="group-keep-hint group-keep-error" .value=${group.keep ?? ""}>
    <p class="hint" id="group-keep-hint">${part.say("details.keep.hint")}</p>
    ${part.refusal("group-keep")}
    <label class="check"><input type="checkbox" name="open" .checked=${group.open}> ${part.say("details.open")}</label>
    ${part.refusal("group-details")}
    <div class="row"><button>${part.say("save")}</button><span class="quiet small" role="status">${part.saved ? part.say("saved") : nothing}</span></div>
  </form>`;
}

function slowWords(part, seconds) {
  if (!seconds) return part.say("details.slow.off");
  const [unit, size] = seconds % 3600 === 0 ? ["hour", 3600] : seconds % 60 === 0 ? ["minute", 60] : ["second", 1];
  return unitWords(part, unit, seconds / size);
}

const unitWords = (part, unit, count) => new Intl.NumberFormat(part.chat.words.lang, { style: "unit", unit, unitDisplay: "long" }).format(count);
