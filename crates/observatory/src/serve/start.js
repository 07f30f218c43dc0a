// Tells whether the browser is ready: it trusts our authority, and shows the identity to a server that insists.
"use strict";

async function answers(address, credentials) {
  try {
    await fetch(address, { credentials });
    return true;
  } catch {
    return false;
  }
}

function tell(id, ready, yes, no) {
  const place = document.getElementById(id);
  place.textContent = ready ? `✓ ${yes}` : `✗ ${no}`;
  place.className = ready ? "good" : "bad";
}

async function check() {
  const checks = await (await fetch("/checks.json")).json();
  const trusted = await answers(checks.trust, "omit");
  tell("trust", trusted, "It is trusted.", "It is not trusted yet.");
  const held = trusted && await answers(checks.identity, "include");
  const waits = trusted ? "It is not here yet, or was not chosen: a browser that remembers that must be started again." : "This can be told once the authority is trusted.";
  tell("identity", held, "It is here.", waits);
}

document.getElementById("again").addEventListener("click", check);
check();
