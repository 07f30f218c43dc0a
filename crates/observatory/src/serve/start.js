// Tells whether the browser is ready: it trusts our authority, and shows the identity to a server that insists. What is not ready does
// not start: a browser without the identity would seem to keep it to itself.
"use strict";

const part = (id) => document.getElementById(id);

async function answers(address, credentials) {
  try {
    await fetch(address, { credentials });
    return true;
  } catch {
    return false;
  }
}

function tell(id, mark, text) {
  part(id).textContent = `${mark} ${text}`;
  part(id).className = { "✓": "good", "✗": "bad" }[mark] ?? "";
}

async function checks() {
  try {
    return await (await fetch("/checks.json")).json();
  } catch {
    return null;
  }
}

// What is to be done next, or nothing.
async function check() {
  const at = await checks();
  if (!at) return "This page's server has ended. Start bareflight serve again, and load this page again: it has another authority and identity then.";
  const trusted = await answers(at.trust, "omit");
  if (!trusted) {
    tell("trust", "✗", "It is not trusted yet.");
    tell("identity", "–", "This can be told once the authority is trusted.");
    return `Trust the authority first, as told in 1, and check again. If it is trusted, does ${new URL(at.trust).hostname} lead to the machine that bareflight runs on?`;
  }
  tell("trust", "✓", "It is trusted.");
  const held = await answers(at.identity, "include");
  if (!held) {
    tell("identity", "✗", "It is not here yet, or was not chosen: a browser that remembers that must be started again.");
    return "Import the identity first, as told in 2, choose alice when the browser asks, and check again.";
  }
  tell("identity", "✓", "It is here.");
  return "";
}

// As when somebody asks: what is to be done next is said too.
async function checkAgain() {
  part("blocked").textContent = "";
  const next = await check();
  part("blocked").textContent = next;
  return next;
}

async function start(event) {
  event.preventDefault();
  part("start").disabled = true;
  const next = await checkAgain();
  part("start").disabled = false;
  if (!next) part("run").submit();
}

const outcomes = { "under-way": "is under way, or its window was closed", seen: "came to its verdict", failed: "did not come to its end" };

async function list() {
  const runs = await (await fetch("/runs.json")).json();
  part("runs").hidden = runs.length === 0;
  part("known").replaceChildren(...runs.map(({ id, browser, outcome }) => {
    const link = Object.assign(document.createElement("a"), { href: `/result/${id}.html`, textContent: browser });
    const item = document.createElement("li");
    item.append(link, ` ${outcomes[outcome]}`);
    return item;
  }));
}

part("again").addEventListener("click", checkAgain);
part("run").addEventListener("submit", start);
check();
list();
