// home-assistant-js-websocket: what Home Assistant's own frontend and most JavaScript clients connect with.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  callService, createConnection, createLongLivedTokenAuth, ERR_INVALID_AUTH, getAuth, getConfig, getServices,
  getStates, getUser, subscribeConfig, subscribeEntities, subscribeServices,
} from "home-assistant-js-websocket";

const { URL: url, TOKEN: token, PASSWORD: password } = process.env;
const clientId = `${url}/`;
let connection;

const first = (subscribe) => new Promise((resolve) => subscribe(connection, (told) => told && resolve(told)));

let entities = {};
const waiting = new Set();

// The entity as the collection has it, as soon as it has this state.
const entity = (id, state) =>
  new Promise((resolve) => {
    const look = () => entities[id]?.state === state && (resolve(entities[id]), waiting.delete(look));
    waiting.add(look);
    look();
  });

before(async () => {
  connection = await createConnection({ auth: createLongLivedTokenAuth(url, token) });
  subscribeEntities(connection, (all) => {
    entities = all;
    waiting.forEach((look) => look());
  });
});

after(() => connection.close());

test("a long-lived token signs in, a wrong one does not", async () => {
  assert.equal(connection.haVersion, "2025.4.4");
  await assert.rejects(
    createConnection({ auth: createLongLivedTokenAuth(url, "wrong") }),
    (error) => error === ERR_INVALID_AUTH,
  );
});

test("it reads user, configuration, states and services", async () => {
  const user = await getUser(connection);
  assert.equal(user.is_admin, true);
  assert.equal((await getConfig(connection)).location_name, "Test House");
  assert.ok((await getStates(connection)).some((state) => state.entity_id === "input_boolean.lamp"));
  assert.ok((await getServices(connection)).input_boolean.turn_on);
});

test("its collections follow entities, configuration and services", async () => {
  const lamp = await entity("input_boolean.lamp", "off");
  assert.equal(lamp.attributes.friendly_name, "Lamp");
  assert.ok(Date.parse(lamp.last_changed) > 0);
  assert.equal((await first(subscribeConfig)).state, "RUNNING");
  assert.ok((await first(subscribeServices)).counter.increment);
});

test("a service call shows in the collection", async () => {
  const target = { entity_id: "input_boolean.lamp" };
  const lit = entity("input_boolean.lamp", "on");
  const result = await callService(connection, "input_boolean", "turn_on", {}, target);
  assert.ok(result.context.id);
  await lit;
  await callService(connection, "homeassistant", "turn_off", {}, target);
  await entity("input_boolean.lamp", "off");
});

test("a service gives its response", async () => {
  const result = await callService(connection, "script", "ask", {}, undefined, true);
  assert.deepEqual(result.response, { number: 42 });
});

test("a refusal has its code", async () => {
  await assert.rejects(callService(connection, "no", "such"), (error) => error.code === "not_found");
  await assert.rejects(connection.sendMessagePromise({ type: "no/such" }), (error) => error.code === "unknown_command");
});

test("events and templates are followed until they are unsubscribed", async () => {
  let heard;
  const cup = new Promise((resolve) => (heard = resolve));
  const stop = await connection.subscribeEvents(heard, "cup");
  const rendered = [];
  const stopTemplate = await connection.subscribeMessage(({ result }) => rendered.push(result), {
    type: "render_template", template: "{{ states('counter.cups') | int }}",
  });
  await connection.sendMessagePromise({ type: "fire_event", event_type: "cup", event_data: { size: 2 } });
  assert.deepEqual((await cup).data, { size: 2 });
  await entity("counter.cups", "1");
  await connection.ping();
  while (rendered.at(-1) !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(rendered, [0, 1]);
  await stop();
  await stopTemplate();
});

test("a signed path opens without a header", async () => {
  const { path } = await connection.sendMessagePromise({ type: "auth/sign_path", path: "/api/states", expires: 20 });
  const answer = await fetch(url + path);
  assert.equal(answer.status, 200);
  assert.ok((await answer.json()).length > 0);
  assert.equal((await fetch(`${url}/api/states`)).status, 401);
});

test("the code of a sign-in becomes tokens, which are refreshed and revoked", async () => {
  const post = async (path, body) =>
    (await fetch(url + path, { method: "POST", body: JSON.stringify(body), headers: { Origin: url } })).json();
  const { flow_id } = await post("/auth/login_flow", {
    client_id: clientId, handler: ["homeassistant", null], redirect_uri: `${url}/?auth_callback=1`,
  });
  const { result: authCode } = await post(`/auth/login_flow/${flow_id}`, {
    client_id: clientId, username: "ann", password,
  });
  let saved;
  const auth = await getAuth({ hassUrl: url, clientId, authCode, saveTokens: (data) => (saved = data) });
  assert.ok(saved.refresh_token);
  const mine = await createConnection({ auth });
  assert.equal((await getUser(mine)).name, "ann");
  mine.close();
  await auth.refreshAccessToken();
  const headers = { Authorization: `Bearer ${auth.accessToken}` };
  assert.equal((await fetch(`${url}/api/config`, { headers })).status, 200);
  await auth.revoke();
  await assert.rejects(createConnection({ auth }), (error) => error === ERR_INVALID_AUTH);
  await assert.rejects(auth.refreshAccessToken(), (error) => error === ERR_INVALID_AUTH);
});

test("it comes back after the web server was restarted, and its subscriptions with it", async () => {
  const events = [];
  await connection.subscribeEvents((event) => events.push(event), "cup");
  const lost = new Promise((resolve) => connection.addEventListener("disconnected", resolve));
  const back = new Promise((resolve) => connection.addEventListener("ready", resolve));
  connection
    .sendMessagePromise({ type: "call_service", domain: "nanobot", service: "reload", service_data: { entry: "http" } })
    .catch(() => {}); // the answer has no connection to come by
  await lost;
  await back;
  await connection.sendMessagePromise({ type: "fire_event", event_type: "cup" });
  await entity("counter.cups", "2");
  assert.equal(events.length, 1);
});
