// Takes the steps of a run one after the other, and says what came of each. In a frame it takes those that the page above hands down.
"use strict";

const PAUSE = 30; // ms until it is asked again what is next
const EXCUSED = 100; // times that a navigation under way may break off what is asked
const makers = { fetch: byFetch, navigate: byNavigation, image: byImage, websocket: byWebSocket };

async function byFetch(step) {
  if (step.upload_listener) return byRequest(step);
  const { method, headers, mode, credentials, body } = step;
  const answer = await fetch(step.url, { method, headers, mode, credentials, body: body ?? undefined });
  await answer.arrayBuffer(); // the connection is free again once the answer was read
  return { status: answer.status };
}

function byRequest(step) { // fetch() tells of no progress
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.upload.onprogress = () => {};
    request.onload = () => resolve({ status: request.status });
    request.onerror = () => resolve({ error: "the XMLHttpRequest failed" });
    request.open(step.method, step.url);
    request.withCredentials = step.credentials === "include";
    for (const [name, value] of step.headers) request.setRequestHeader(name, value);
    request.send(step.body);
  });
}

function byImage(step) {
  return new Promise((resolve) => {
    const image = new Image();
    if (step.credentials !== "include") image.crossOrigin = "anonymous";
    image.onload = () => resolve({ status: 200 });
    image.onerror = () => resolve({ error: "the image did not load" });
    image.src = step.url;
  });
}

function byWebSocket(step) {
  return new Promise((resolve) => {
    const socket = new WebSocket(step.url.replace(/^https:/, "wss:"));
    socket.onopen = () => { resolve({ status: 101 }); socket.close(); };
    socket.onerror = () => resolve({ error: "the WebSocket did not open" });
  });
}

// Where it succeeds there is no content, so that this page stays (HTML, "navigate"); whoever answered says so to the desk.
async function byNavigation(step) {
  excuses = EXCUSED;
  location.assign(step.url);
  return null;
}

const frames = new Map();

function frameAt(address) {
  const open = () => new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.src = address;
    frame.onload = () => resolve(frame);
    document.body.append(frame);
  });
  if (!frames.has(address)) frames.set(address, open());
  return frames.get(address);
}

async function inFrame(step) {
  const frame = await frameAt(step.frame);
  const { port1, port2 } = new MessageChannel();
  const outcome = new Promise((resolve) => { port1.onmessage = (event) => resolve(event.data); });
  frame.contentWindow.postMessage(step, new URL(step.frame).origin, [port2]);
  return outcome;
}

async function make(step) {
  try {
    return await makers[step.kind](step);
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

async function ask(path, said) {
  const answer = await fetch(path, { method: "POST", body: JSON.stringify(said) });
  return answer.json();
}

let excuses = 0;

async function askNext(said) {
  try {
    return await ask("/next", said);
  } catch (error) {
    if (excuses-- > 0) return "wait";
    throw error;
  }
}

const say = (text) => { document.getElementById("state").textContent = text; };

function tell(step, outcome) {
  const item = document.createElement("li");
  const came = outcome ? `: ${outcome.status ?? outcome.error}` : ", by a navigation";
  item.textContent = `${step.method} ${step.url}, credentials ${step.credentials}${came}`;
  document.getElementById("steps").append(item);
}

async function run() {
  const pass = Number(new URLSearchParams(location.search).get("pass"));
  const { load } = await ask("/load", { pass, origin: location.origin });
  if (load === null) return say("This page was opened before, and its steps are not taken twice. The start page begins another run.");
  say("Steps are being taken. Leave this window open.");
  let led = false; // to where the steps go on
  addEventListener("pagehide", () => led || navigator.sendBeacon("/left", JSON.stringify({ load })));
  let outcome = null;
  for (;;) {
    const next = await askNext({ load, outcome });
    outcome = null;
    if (next === "over") {
      led = true;
      return say("All steps were taken.");
    }
    if (next === "wait") await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (next.go) {
      led = true;
      return location.assign(next.go);
    }
    if (next.step) {
      excuses = 0;
      const made = await (next.step.frame ? inFrame(next.step) : make(next.step));
      tell(next.step, made);
      outcome = made && { step: next.step.step, ...made };
    }
  }
}

if (location.pathname === "/frame") {
  addEventListener("message", async (event) => event.ports[0].postMessage(await make(event.data)));
} else {
  run().catch((error) => say(`The servers cannot be reached any more (${error.message}): were they ended? Start them again, and open the start page.`));
}
