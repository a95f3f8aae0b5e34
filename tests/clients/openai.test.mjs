// openai: the agents of a hub as models.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const { URL: url, TOKEN: apiKey } = process.env;
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "turn on the lamp" }];

test("each agent is a model", async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.includes("assist"), names.join());
});

test("an answer comes whole, and in pieces", async () => {
  const whole = await client.chat.completions.create({ model: "assist", messages });
  const text = whole.choices[0].message.content;
  assert.match(text, /Lamp/i);
  let pieces = "";
  const stream = await client.chat.completions.create({ model: "assist", messages, stream: true });
  for await (const chunk of stream) pieces += chunk.choices[0]?.delta?.content ?? "";
  assert.match(pieces, /Lamp/i);
});

test("the newer API answers too", async () => {
  const response = await client.responses.create({ model: "assist", input: "turn off the lamp" });
  assert.match(response.output_text, /Lamp/i);
});

test("a wrong token and an unknown model are the errors that it knows", async () => {
  const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.chat.completions.create({ model: "none", messages }), OpenAI.NotFoundError);
});
