// Renders the API's own documents.

import { el, named, prose } from "./dom.js";
import { base, sample, trial } from "./try.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** The type of a schema's value, with a link to the object if it is one. */
function kind(schema = {}) {
  if (schema.$ref) {
    const name = named(schema.$ref);
    return [el("a", { href: `#schema-${name}` }, name)];
  }
  if (schema.enum) return [schema.enum.join(", ")];
  const [choices, between] = schema.oneOf ? [schema.oneOf, " or "] : [schema.allOf, " with "];
  if (choices) return choices.flatMap((choice, n) => (n ? [between, ...kind(choice)] : kind(choice)));
  if (schema.type === "array") return ["list of ", ...kind(schema.items)];
  const types = [schema.type ?? "any"].flat().filter((type) => type !== "null");
  if (types[0] === "array") return ["list of ", ...kind(schema.items)];
  const format = schema.format ?? schema.anyOf?.[0].format;
  return [format ? `${types.join(" or ")} (${format})` : types.join(" or ")];
}

function table(headings, rows) {
  const head = el("tr", {}, ...headings.map((heading) => el("th", { scope: "col" }, heading)));
  const cells = (row) => el("tr", {}, ...row.map((cell) => el("td", {}, ...[cell].flat())));
  const body = el("tbody", {}, ...rows.map(cells));
  return el("div", { class: "wide" }, el("table", {}, el("thead", {}, head), body));
}

/** The keys of an object, including those of its parts. */
function properties(schema, schemas) {
  if (schema.$ref) return properties(schemas[named(schema.$ref)], schemas);
  const parts = (schema.allOf ?? []).flatMap((part) => properties(part, schemas));
  const required = new Set(schema.required);
  const own = Object.entries(schema.properties ?? {}).map(([name, property]) => ({ name, property, required: required.has(name) }));
  return [...parts, ...own];
}

function fields(schema, schemas) {
  const rows = properties(schema, schemas).map(({ name, property, required }) => [
    required ? `${name} *` : name,
    kind(property),
    prose(property.description ?? ""),
  ]);
  return table(["field (* always)", "kind", "meaning"], rows);
}

/** The callers of an operation: the answers to its example, which a test verifies. */
function callers({ nobody, stranger, service }) {
  const rows = [
    ["nobody", String(nobody)],
    ["a user who has nothing to do with the object", String(stranger)],
    ["the service", String(service)],
  ];
  return el("div", {}, el("h3", {}, "Who may call"), table(["caller", "answer"], rows));
}

function operation(method, path, item, schemas) {
  const summary = el("summary", {}, el("span", { class: "method" }, method.toUpperCase()), el("span", { class: "path" }, path));
  summary.append(" ", el("span", { class: "says" }, ...prose(item.summary ?? "")));
  const body = el("div", {});
  if (item.description) body.append(el("p", {}, ...prose(item.description)));
  if (item["x-answers"]) body.append(callers(item["x-answers"]));
  if (item.parameters?.length) {
    const rows = item.parameters.map((one) => [one.name, one.in, kind(one.schema), prose(one.description ?? "")]);
    body.append(el("h3", {}, "Parameters"), table(["name", "in", "kind", "meaning"], rows));
  }
  const content = item.requestBody?.content["application/json"];
  if (content) body.append(el("h3", {}, "Payload"), fields(content.schema, schemas));
  const answers = Object.entries(item.responses).map(([status, answer]) => {
    const schema = Object.values(answer.content ?? {})[0]?.schema;
    return [status, schema ? kind(schema) : "", prose(answer.description ?? "")];
  });
  body.append(el("h3", {}, "Answers"), table(["status", "body", "meaning"], answers));
  const answered = Object.entries(item.responses).find(([status, { content }]) => status < 300 && content?.["application/json"]);
  if (answered) {
    const text = JSON.stringify(sample(answered[1].content["application/json"].schema, schemas), null, 2);
    body.append(el("details", {}, el("summary", {}, `An answer ${answered[0]}`), el("pre", { tabindex: "0" }, text)));
  }
  const example = content && JSON.stringify(content.example ?? sample(content.schema, schemas), null, 2);
  // Forms are created when opened, because there are many operations.
  const form = el("details", { class: "trial" }, el("summary", {}, "Try it, or use curl"));
  form.addEventListener("toggle", () => form.open && form.children.length < 2 && form.append(trial(method, path, item, example)));
  body.append(form);
  return el("details", { id: item.operationId }, summary, body);
}

function render({ info, tags, paths, components: { schemas } }) {
  document.getElementById("about").append(`Version ${info.version}. ${info.description}`);
  const contents = document.getElementById("contents");
  const sections = new Map();
  for (const { name, description } of tags) {
    const section = el("section", { id: name }, el("h2", {}, name), el("p", {}, description));
    sections.set(name, section);
    contents.append(el("a", { href: `#${name}` }, name));
    document.getElementById("operations").append(section);
  }
  contents.append(el("a", { href: "#websocket" }, "WebSocket"), el("a", { href: "#schemas" }, "objects"));
  for (const [path, item] of Object.entries(paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      sections.get(item[method].tags[0]).append(operation(method, path, item[method], schemas));
    }
  }
  for (const [name, schema] of Object.entries(schemas)) {
    const heading = el("summary", {}, el("span", { class: "path" }, name), " ", el("span", { class: "says" }, ...prose(schema.description ?? "")));
    document.getElementById("schemas").append(el("details", { id: `schema-${name}` }, heading, el("div", {}, fields(schema, schemas))));
  }
}

/** An event of the WebSocket, with the events that answer it. */
function event(id, { name, summary, payload: { properties: frame } }, answers, schemas) {
  const heading = el("summary", {}, el("span", { class: "path" }, name), " ", el("span", { class: "says" }, ...prose(summary)));
  const body = el("div", {});
  if (properties(frame.data, schemas).length) body.append(fields(frame.data, schemas));
  else body.append(el("p", {}, "data: ", ...kind(frame.data)));
  if (frame.code) body.append(el("p", {}, "code: ", ...kind(frame.code)));
  if (frame.seq) body.append(el("p", {}, "It has a seq."));
  if (answers.length) body.append(el("p", {}, `Answered by ${answers.join(", ")}, or an error.`));
  return el("details", { id }, heading, body);
}

function renderSocket({ info, channels: { chat }, operations, components: { schemas } }) {
  const [paragraphs, codes] = [[info.description], el("ul", {})];
  for (const line of chat.description.split("\n").filter((line) => line)) {
    if (line.startsWith("- ")) codes.append(el("li", {}, ...prose(line.slice(2))));
    else paragraphs.push(line);
  }
  document.getElementById("frames").append(...paragraphs.map((text) => el("p", {}, ...prose(text))), codes);
  for (const [id, message] of Object.entries(chat.messages)) {
    const side = id.slice(0, id.indexOf("."));
    const replies = side === "client" ? operations[`receive.${message.name}`].reply.messages : [];
    const answers = replies.map(({ $ref }) => named($ref).replace("server.", "")).filter((name) => !name.startsWith("error."));
    document.getElementById(side).append(event(id, message, answers, schemas));
  }
}

/** The id that the URL points to; empty if it is malformed. */
function fragment() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

/** Opens the section that the URL points to. */
function open() {
  const target = document.getElementById(fragment());
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

async function load(name) {
  const response = await fetch(`${base}/api/v1/${name}.json`);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}

try {
  const [rest, socket] = await Promise.all(["openapi", "asyncapi"].map(load));
  render(rest);
  renderSocket(socket);
  addEventListener("hashchange", open);
  open();
} catch (error) {
  console.error(error);
  document.getElementById("failure").hidden = false;
}
