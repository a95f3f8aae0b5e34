// Signs a person in for a client (an app, another page), step by step, and sends the client back with a code.

const show = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const client = query.get("client_id") ?? "";
const target = query.get("redirect_uri") ?? "";
const AUTOCOMPLETE = { username: "username", password: "current-password", code: "one-time-code" };
let texts = {};
let flow = "";
const say = (key, words = {}) =>
  (texts[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => words[name] ?? all);

async function ask(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
    cache: "no-store",
  });
  const data = await response.json().catch(() => ({}));
  return { ok: response.ok, status: response.status, data, wait: response.headers.get("Retry-After") };
}

function tell(text, isError = false) {
  show("status").textContent = text;
  show("status").classList.toggle("error", isError);
}

function input(field) {
  if (field.type !== "select") {
    const made = document.createElement("input");
    made.type = field.name === "password" ? "password" : "text";
    made.autocomplete = AUTOCOMPLETE[field.name] ?? "off";
    if (field.name === "code") made.inputMode = "numeric";
    made.autocapitalize = "none";
    made.spellcheck = false;
    return made;
  }
  const made = document.createElement("select");
  for (const [value, name] of field.options) made.append(new Option(name, value));
  return made;
}

function draw(step) {
  const fields = step.data_schema.map((field) => {
    const label = document.createElement("label");
    label.textContent = say(field.name);
    label.htmlFor = field.name;
    const made = input(field);
    made.id = made.name = field.name;
    made.required = true;
    return [label, made];
  });
  show("fields").replaceChildren(...fields.flat());
  show("form").hidden = false;
  fields[0]?.[1].focus();
  tell(step.errors.base ? say(step.errors.base) : "", Boolean(step.errors.base));
}

function leave(code) {
  // the server has checked that this client may be sent there
  const url = new URL(target);
  url.searchParams.set("code", code);
  if (query.has("state")) url.searchParams.set("state", query.get("state"));
  tell(say("welcome"));
  show("form").hidden = true;
  location.replace(url.href);
}

function next(result) {
  if (result.status === 429) return tell(say("wait", { seconds: result.wait ?? "60" }), true);
  if (result.status === 404) return tell(say("over"), true);
  if (!result.ok) return tell(result.data.message ?? say("unreachable"), true);
  flow = result.data.flow_id;
  if (result.data.type === "create_entry") return leave(result.data.result);
  if (result.data.type === "form") return draw(result.data);
  show("form").hidden = true;
  tell(say(result.data.reason), true);
}

async function send(event) {
  event.preventDefault();
  show("submit").disabled = true;
  try {
    const given = Object.fromEntries(new FormData(show("form")));
    next(await ask("POST", `/auth/login_flow/${flow}`, { client_id: client, ...given }));
  } catch {
    tell(say("unreachable"), true);
  } finally {
    show("submit").disabled = false;
  }
}

async function begin({ type, id }) {
  next(await ask("POST", "/auth/login_flow", { client_id: client, handler: [type, id], redirect_uri: target }));
}

async function start() {
  const languages = encodeURIComponent((navigator.languages ?? [navigator.language]).join(","));
  const { data } = await ask("GET", `/auth/texts?languages=${languages}`);
  texts = data.texts ?? {};
  document.documentElement.lang = data.language ?? "en";
  show("submit").textContent = say("next");
  show("client").textContent = client.startsWith(`${location.origin}/`) ? "" : say("sign_in_for", { client });
  show("form").addEventListener("submit", send);
  const { providers } = (await ask("GET", "/auth/providers")).data;
  const [first, other] = providers;
  if (other) {
    show("other").textContent = say("with_password");
    show("other").hidden = false;
    show("other").addEventListener("click", () => {
      show("other").hidden = true;
      begin(other);
    });
  }
  await begin(first);
}

start().catch(() => tell(say("unreachable"), true));
