// Answering an open incident: the same topic as the command line.  Who signed in may; nobody else is asked.

import { Part, h } from "./dom.js";

const WORDS = { acknowledge: "Acknowledge", unacknowledge: "Take it back", resolve: "Close by hand" };
const SENT = "Sent. It takes effect with its transition, in a moment.";
const NAME = "promptdrift answers as";

export function answering(host) {
  let busy = false;
  let said = null; // { incident, state, text }
  let latest = null;
  const part = new Part(host, ({ incident, acknowledged, note }) => {
    const name = h("input", { name: "by", autocomplete: "name", maxlength: 256, placeholder: "Your name", "aria-label": "Your name" });
    name.value = remembered();
    const actions = [acknowledged ? "unacknowledge" : "acknowledge", "resolve"];
    const buttons = actions.map((action) =>
      h("button", { type: "button", class: action, on: { click: () => send(incident, action, name.value.trim()) } }, WORDS[action]),
    );
    return [h("form", { class: "answer" }, name, buttons), h("p", { class: "small quiet", role: "status" }, note)];
  });
  host.addEventListener("submit", (event) => event.preventDefault());

  async function send(incident, action, by) {
    if (busy || (action === "resolve" && !confirm("Close this incident for everybody?"))) return;
    busy = true;
    remember(by);
    said = { incident, text: await outcome(incident, { action, ...(by && { by }) }), at: latest?.alert_id };
    busy = false;
    show();
  }

  function show() {
    const open = latest?.state === "firing";
    if (said && (said.incident !== latest?.incident || said.at !== latest?.alert_id)) said = null; // it has taken effect
    part.update(open ? { incident: latest.incident, acknowledged: !!latest.acknowledged_at, note: said?.text ?? "" } : null);
  }
  return {
    update(alert) {
      latest = alert;
      show();
    },
  };
}

async function outcome(incident, given) {
  try {
    const headers = { "Content-Type": "application/json" };
    const path = `v1/incidents/${encodeURIComponent(incident)}/answer`;
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(given) });
    if (response.status === 401) location.reload();
    if (response.ok) return SENT;
    const problem = await response.json();
    return [problem.detail, problem.remedy].filter(Boolean).join(" ");
  } catch {
    return "The server cannot be reached; nothing was sent.";
  }
}

function remembered() {
  try {
    return localStorage.getItem(NAME) ?? "";
  } catch {
    return ""; // storage is switched off
  }
}

function remember(by) {
  try {
    localStorage.setItem(NAME, by);
  } catch {
    // asked again next time
  }
}
