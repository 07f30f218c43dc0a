// Node's https module under the step protocol: one Agent that keeps connections, each request told its identity and its trust.
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { createInterface } from "node:readline";

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const agent = new Agent({ keepAlive: true });
let world;

const send = (step) =>
  new Promise((resolve, reject) => {
    const url = new URL(step.url);
    const files = step.identity && world.identities[step.identity];
    const { address } = world.servers.find((it) => it.host === url.hostname && it.port === Number(url.port));
    const options = {
      agent,
      method: step.method,
      headers: Object.fromEntries(step.headers),
      ca: readFileSync(world.authorities),
      rejectUnauthorized: step.verify,
      lookup: (_, how, done) => (how.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)),
      timeout: 5000,
      ...(files && { cert: readFileSync(files.certificate), key: readFileSync(files.key) }),
    };
    const sent = request(url, options, (answer) => {
      answer.resume();
      answer.on("end", () => resolve({ status: answer.statusCode }));
    });
    sent.on("error", reject);
    sent.end(step.body ?? undefined);
  });

for await (const text of createInterface({ input: process.stdin })) {
  const line = JSON.parse(text);
  if (!world) {
    world = line;
    say({ bareflight: 1, agent: "node-https", version: process.version });
    continue;
  }
  // A connection goes back to the agent after the answer's end was told.
  const outcome = await send(line).catch((error) => ({ error: String(error.cause ?? error) }));
  await new Promise((resolve) => setTimeout(resolve, 1));
  say({ step: line.step, ...outcome });
}
process.exit(0);
