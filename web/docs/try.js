// Example requests of the reference: as text, as a curl command, and a form that sends one.

import { el, named } from "./dom.js";

/** The base URL of the server's pages, which may be a path of a larger site. */
export const base = new URL("../..", import.meta.url).href.replace(/\/$/, "");
const token = document.getElementById("token");
const DEPTH = 4;

/** A sample value for a schema. */
export function sample(schema = {}, schemas, depth = 0) {
  if (schema.example !== undefined) return schema.example;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.$ref) return depth > DEPTH ? {} : sample(schemas[named(schema.$ref)], schemas, depth + 1);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => sample(part, schemas, depth)));
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return sample(choices.find(({ type }) => type !== "null"), schemas, depth);
  if (schema.enum) return schema.enum[0];
  const type = [schema.type].flat().find((each) => each !== "null");
  if (type === "array") return depth > DEPTH ? [] : [sample(schema.items, schemas, depth + 1)];
  if (type === "object" || schema.properties) {
    const properties = Object.entries(schema.properties ?? {});
    return Object.fromEntries(properties.map(([name, each]) => [name, sample(each, schemas, depth + 1)]));
  }
  const formats = { uuid: "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e", "date-time": "2026-11-29T08:00:00.000000Z" };
  return { integer: 1, number: 1, boolean: true, string: formats[schema.format] ?? "…" }[type] ?? null;
}

/** The command that sends a request. */
function curl(method, path, body) {
  const lines = [`curl --request ${method.toUpperCase()} '${base}${path}'`, `  --header "Authorization: Bearer $TOKEN"`];
  if (body) lines.push(`  --json '${body.replaceAll("'", "'\\''")}'`);
  return lines.join(" \\\n");
}

function labelled(label, input) {
  return el("label", { class: "labelled" }, el("span", {}, label), input);
}

/** A form that sends a request, and shows the answer. */
export function trial(method, path, item, example) {
  const inputs = (item.parameters ?? []).map((one) => ({ ...one, input: el("input", { autocomplete: "off" }) }));
  const body = example && el("textarea", { rows: String(Math.min(12, example.split("\n").length + 1)), spellcheck: "false" });
  if (body) body.value = example;
  const command = el("pre", { tabindex: "0" });
  const status = el("p", { role: "status" });
  const answer = el("pre", { hidden: "", tabindex: "0" });
  const address = () => {
    let to = path;
    const query = new URLSearchParams();
    for (const { name, in: where, input } of inputs) {
      if (where === "path") to = to.replace(`{${name}}`, input.value ? encodeURIComponent(input.value) : `{${name}}`);
      else if (where === "query" && input.value) query.append(name, input.value);
    }
    return query.size ? `${to}?${query}` : to;
  };
  const write = () => (command.textContent = curl(method, address(), body?.value));
  const send = async (event) => {
    event.preventDefault();
    const missing = inputs.find(({ in: where, input }) => where === "path" && !input.value);
    if (missing) {
      status.textContent = `Fill in “${missing.name}” first.`;
      missing.input.focus();
      return;
    }
    status.textContent = "Sending…";
    const headers = {};
    if (token.value) headers.Authorization = `Bearer ${token.value.trim()}`;
    if (body) headers["Content-Type"] = "application/json";
    try {
      const options = { method: method.toUpperCase(), headers, body: body?.value, credentials: token.value ? "omit" : "same-origin" };
      const response = await fetch(base + address(), options);
      const text = await response.text();
      status.textContent = `${response.status} ${response.statusText}`;
      answer.textContent = pretty(text);
      answer.hidden = !text;
    } catch (error) {
      status.textContent = `Not answered: ${error.message}`;
      answer.hidden = true;
    }
  };
  const form = el("form", { class: "try" });
  form.append(...inputs.filter(({ in: where }) => where !== "header").map(({ name, in: where, input }) => labelled(`${name} (${where})`, input)));
  if (body) form.append(labelled("body", body));
  form.append(command, el("button", {}, "Send"), status, answer);
  form.addEventListener("input", write);
  form.addEventListener("submit", send);
  write();
  return form;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
