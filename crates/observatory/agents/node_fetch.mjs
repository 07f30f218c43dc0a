// Node's fetch (undici) under the step protocol. An undici Agent is told its identity and its trust once: so there is one for each.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const agents = new Map();
let world;

// The Agent that fetch comes with is reachable only as the class of its global one, which the first use of fetch makes.
await fetch("data:,").catch(() => {});
const { constructor: Agent } = globalThis[Symbol.for("undici.globalDispatcher.1")];

const dispatcher = ({ identity, verify }) => {
  const key = JSON.stringify([identity, verify]);
  if (!agents.has(key)) {
    const files = identity && world.identities[identity];
    const connect = {
      ca: readFileSync(world.authorities),
      rejectUnauthorized: verify,
      ...(files && { cert: readFileSync(files.certificate), key: readFileSync(files.key) }),
    };
    agents.set(key, new Agent({ connect }));
  }
  return agents.get(key);
};

for await (const text of createInterface({ input: process.stdin })) {
  const line = JSON.parse(text);
  if (!world) {
    world = line;
    say({ bareflight: 1, agent: "node-fetch", version: `undici ${process.versions.undici} of Node ${process.version}` });
    continue;
  }
  try {
    const { method, url, headers, body } = line;
    const answer = await fetch(url, { method, headers, body, dispatcher: dispatcher(line) });
    await answer.arrayBuffer();
    say({ step: line.step, status: answer.status });
  } catch (error) {
    say({ step: line.step, error: String(error.cause ?? error) });
  }
}
process.exit(0);
