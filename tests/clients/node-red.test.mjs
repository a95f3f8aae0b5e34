// node-red-contrib-home-assistant-websocket: the client inside of its nodes, without the editor around it.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

const require = createRequire(import.meta.url);
const parts = "node-red-contrib-home-assistant-websocket/dist";
require(`${parts}/globals`).setRED?.({ _: (text) => text });
const { default: HomeAssistant } = require(`${parts}/homeAssistant/HomeAssistant`);
const { default: Http } = require(`${parts}/homeAssistant/Http`);
const { default: Websocket } = require(`${parts}/homeAssistant/Websocket`);

const { URL: host, TOKEN: access_token } = process.env;
const eventBus = new EventEmitter();
const once = (name) => new Promise((resolve) => eventBus.once(name, resolve));
let home;

before(async () => {
  const options = { host, access_token, rejectUnauthorizedCerts: true, connectionDelay: false, heartbeatInterval: 0 };
  home = new HomeAssistant({ websocketAPI: new Websocket(options, eventBus), httpAPI: new Http(options), eventBus });
  const ready = Promise.all([once("initial_connection_ready"), once("ha_client:registries_loaded")]);
  await home.websocket.connect();
  await home.subscribeEvents();
  await ready;
});

after(() => home.close());

test("it finds a running hub with its states, services and registries", async () => {
  assert.ok(home.isHomeAssistantRunning);
  assert.equal(home.version, "2025.4.4");
  assert.ok(home.getEntities().includes("input_boolean.lamp"));
  assert.ok(home.getServices().homeassistant.turn_on);
  assert.ok(home.websocket.getEntity("automation.counts"));
});

test("its action node calls a service, and its state nodes hear of it", async () => {
  const changed = once("ha_events:state_changed:input_boolean.lamp");
  await home.callService("homeassistant", "turn_on", {}, { entity_id: ["input_boolean.lamp"] });
  assert.equal((await changed).event.new_state.state, "on");
  const { response } = await home.callService("script", "ask", {}, {});
  assert.deepEqual(response, { number: 42 });
});

test("its API node reads and writes over REST", async () => {
  assert.equal((await home.get("states/input_boolean.lamp")).entity_id, "input_boolean.lamp");
  assert.equal((await home.post("states/sensor.flow", { state: 7, attributes: { unit: "l" } })).state, "7");
  assert.equal(await home.renderTemplate("{{ states('sensor.flow') }}"), "7");
  assert.equal((await home.post("events/flowed", { by: "node-red" })).message, "Event flowed fired.");
  await assert.rejects(home.get("states/sensor.none"), /Entity not found/);
});

test("its history node reads what was recorded", async () => {
  const start = new Date(Date.now() - 3_600_000).toISOString();
  const rows = await home.getHistory(start, "input_boolean.lamp", new Date().toISOString(), true);
  assert.ok(rows.every((row) => row.entity_id === "input_boolean.lamp"));
});

test("its device and trigger nodes get an answer that they understand", async () => {
  const subscription = [];
  const stop = await home.subscribeMessage((event) => subscription.push(event), {
    type: "subscribe_trigger", trigger: { platform: "state", entity_id: "input_boolean.lamp", to: "off" },
  });
  await home.callService("input_boolean", "turn_off", {}, { entity_id: "input_boolean.lamp" });
  while (!subscription.length) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(subscription[0].variables.trigger.to_state.state, "off");
  await stop();
  assert.deepEqual(await home.getTranslations("title", "en") instanceof Object, true);
});
