// Signs the browser in: with the code of a one-time link (behind the # of the address), or with a token.

const show = (id) => document.getElementById(id);
let texts = {};
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

async function loadTexts() {
  const languages = encodeURIComponent((navigator.languages ?? [navigator.language]).join(","));
  const { data } = await ask("GET", `/auth/texts?languages=${languages}`);
  texts = data.texts ?? {};
  document.documentElement.lang = data.language ?? "en";
  for (const [id, key] of [["how", "how"], ["where", "where"], ["label", "token"], ["submit", "sign_in"]]) {
    show(id).textContent = say(key);
  }
}

function tell(text, isError = false) {
  show("status").textContent = text;
  show("status").classList.toggle("error", isError);
}

function enter() {
  tell(say("welcome"));
  const here = location.pathname;
  location.replace(here === "/claim" || here === "/login" ? "/" : here + location.search);
}

function complain(result, key) {
  if (result.status === 429) tell(say("wait", { seconds: result.wait ?? "60" }), true);
  else if (result.status >= 500 || result.status === 0) tell(say("unreachable"), true);
  else tell(say(key), true);
}

async function claim(code) {
  // out of the address bar and the history before anything else
  history.replaceState(null, "", "/claim");
  tell(say("opening"));
  const result = await ask("POST", "/auth/claim", { code });
  if (result.ok) return enter();
  complain(result, "link_is_old");
  show("ways").hidden = false;
}

async function login(event) {
  event.preventDefault();
  show("submit").disabled = true;
  try {
    const result = await ask("POST", "/auth/login", { token: show("token").value });
    if (result.ok) return enter();
    complain(result, "token_is_wrong");
    show("token").select();
  } catch {
    tell(say("unreachable"), true);
  } finally {
    show("submit").disabled = false;
  }
}

function withPassword() {
  // by the same page that signs in for other clients; it comes back here with a code
  const state = crypto.getRandomValues(new Uint32Array(4)).join("-");
  sessionStorage.setItem("state", state);
  sessionStorage.setItem("wanted", location.pathname + location.search);
  const query = new URLSearchParams({
    response_type: "code",
    client_id: `${location.origin}/`,
    redirect_uri: `${location.origin}/login`,
    state,
  });
  location.assign(`/auth/authorize?${query}`);
}

async function comeBack(code, state) {
  const known = sessionStorage.getItem("state");
  sessionStorage.removeItem("state");
  history.replaceState(null, "", "/login");
  if (!known || known !== state) return false; // nobody here has begun it
  const result = await ask("POST", "/auth/login", { code, client_id: `${location.origin}/` });
  if (!result.ok) {
    complain(result, "over");
    return false;
  }
  const wanted = sessionStorage.getItem("wanted") ?? "/";
  tell(say("welcome"));
  location.replace(/^\/(login|claim)?(\?|$)/.test(wanted) || !/^\/[^/\\]/.test(wanted) ? "/" : wanted);
  return true;
}

async function start() {
  await loadTexts();
  show("form").addEventListener("submit", login);
  show("with_password").textContent = say("with_password");
  show("with_password").addEventListener("click", withPassword);
  const given = new URLSearchParams(location.search);
  if (location.pathname === "/login" && given.has("code") && (await comeBack(given.get("code"), given.get("state")))) {
    return;
  }
  const code = location.hash.slice(1);
  if (location.pathname === "/claim" && code) return claim(code);
  // A link on another site brings a browser here without its cookie (SameSite); asked from here, it has it.
  // Once only: were the page itself closed to this session, we would turn in circles.
  const me = await ask("GET", "/auth/me");
  const last = Number(sessionStorage.getItem("entered") ?? 0);
  if (me.ok && Date.now() - last > 5000) {
    sessionStorage.setItem("entered", String(Date.now()));
    return enter();
  }
  tell(me.ok ? say("not_allowed", { name: me.data.name }) : "");
  show("ways").hidden = false;
  show("token").focus();
}

window.addEventListener("hashchange", () => location.reload());
start().catch(() => tell(say("unreachable"), true));
