// The page before signing in: one form that signs in or signs up.

import * as api from "./api.js";
import { $, onSubmit } from "./dom.js";
import { sentence } from "./words.js";

const FIELDS = ["name", "password"];

export class AccountView {
  /** onSignedIn(name) is told when the server has set its cookie. */
  constructor(onSignedIn) {
    const form = $("account-form");
    onSubmit(form, $("account-error"), async ({ submitter }) => {
      const enter = submitter?.value === "sign-up" ? api.signUp : api.signIn;
      clearFields();
      try {
        const { name } = await enter(form.elements.name.value.trim(), form.elements.password.value);
        form.reset();
        onSignedIn(name);
      } catch (error) {
        if (!showFields(error.fields)) throw error;
      }
    });
  }

  show(why = "") {
    $("account").hidden = false;
    clearFields();
    $("account-error").textContent = why;
    $("account-name").focus();
  }

  hide() {
    $("account").hidden = true;
  }
}

function clearFields() {
  for (const field of FIELDS) {
    $(`account-${field}-error`).textContent = "";
    $(`account-${field}`).removeAttribute("aria-invalid");
  }
}

/** Puts each complaint under its field; false when some belong to no field here, or there are none. */
function showFields(errors = []) {
  const known = errors.filter(({ field }) => FIELDS.includes(field));
  for (const { field, detail } of known) {
    $(`account-${field}-error`).textContent = sentence(detail);
    $(`account-${field}`).setAttribute("aria-invalid", "true");
  }
  if (known.length) $(`account-${known[0].field}`).focus();
  return known.length > 0 && known.length === errors.length;
}
