// Every deployment of every application: when, what, and what it did to how users ask.

import { Part, h } from "./dom.js";
import { capital, interval, percent, plural } from "./format.js";
import { deploymentLink } from "./links.js";
import { answer, model } from "./model.js";
import { link } from "./panels-record.js";
import { pill, time } from "./words.js";

const SHOWN = 60;
const NO_TRAFFIC = "No traffic of this application is known: check its name.";
export const TONES = { succeeded: "ok", started: "learning", failed: "critical", rolled_back: "warning", observed: "unknown" };
const NONE = `No deployment is known. Tell of one with "promptdrift deployment record", or by POST to
  /v1/deployments; a new version in traffic counts as one, too.`;

export const view = {
  path: /^\/deployments$/,
  title: "Deployments",
  order: 2.5,
  menu: { href: "#/deployments", word: "Deployments" },
  open(host) {
    const list = new Part(h("div", {}), drawAll);
    const says = "What you changed, and whether your users changed with it.";
    host.append(h("div", { class: "title" }, h("h1", {}, "Deployments"), h("p", { class: "verdict" }, says)), list.host);
    return {
      update() {
        const known = answer("v1/deployments?limit=400", ["deployment", "series"]);
        const names = [...model.statuses.keys()];
        list.update(known && model.loaded ? { releases: releasesOf(known, Date.now()), names } : null);
      },
    };
  },
};

// Events of one deployment are one release; a look at one that nobody told of makes one, too.
export function releasesOf({ deployments, looks }, now) {
  const found = new Map();
  const of = (application, id) => {
    const key = `${application} ${id}`;
    if (!found.has(key)) found.set(key, { application, id, events: [], look: null, ahead: false });
    return found.get(key);
  };
  for (const event of deployments) of(event.application, event.deployment_id).events.push(event);
  for (const look of looks ?? []) of(look.application, look.adaptation.deployment).look = look;
  const whole = [...found.values()].map((each) => {
    const begin = each.events.at(-1)?.time ?? each.look.adaptation.deployed_at;
    return { ...each, begin, ahead: Date.parse(begin) > now + 300000 };
  });
  return whole.sort((a, b) => Date.parse(b.begin) - Date.parse(a.begin)).slice(0, SHOWN);
}

function drawAll({ releases, names }) {
  if (!releases.length) return h("p", { class: "empty" }, NONE);
  return h("ol", { class: "card timeline", "aria-label": "Deployments, newest first" }, releases.map((each) => drawOne(each, names)));
}

function drawOne({ application, id, events, look, begin, ahead }, names) {
  const status = statusOf(events);
  const latest = events[0] ?? {};
  const known = status !== "observed" || id.startsWith("prompt:"); // of which kind it is
  const facts = [known && latest.kind, latest.version !== id && latest.version, latest.variant && `variant ${latest.variant}`];
  if (latest.traffic_percent != null) facts.push(`${latest.traffic_percent} % of traffic`);
  if (latest.environment && latest.environment !== "production") facts.push(`environment ${latest.environment}, not followed up`);
  return h(
    "li",
    { data: { state: TONES[status] } },
    h("p", { class: "when" }, time(begin), ahead && " in the future: check the sender's clock"),
    h(
      "p",
      { class: "release" },
      h("a", { href: deploymentLink(application, id) }, h("code", {}, id)),
      pill(TONES[status], capital(status.replace("_", " "))),
      link(application),
    ),
    !names.includes(application) && h("p", { class: "small" }, h("b", {}, NO_TRAFFIC)),
    h("p", { class: "small quiet" }, facts.filter(Boolean).join(", ")),
    latest.summary && h("p", { class: "small" }, latest.summary),
    look && h("p", { class: "small" }, h("b", {}, "Users: "), inShort(look.adaptation)),
  );
}

export function statusOf(events) {
  if (!events.length || events.every((event) => event.source === "observed")) return "observed";
  return events[0].status ?? "succeeded";
}

function inShort({ adaptation, control, exposed, significant }) {
  if (!adaptation) return control ? "too little is known yet." : `${plural(exposed ?? 0, "user")} met it; nobody is left to compare with.`;
  const range = interval(adaptation.low, adaptation.high, percent);
  const share = `${percent(adaptation.value)} of the change (95 %: ${range})`;
  return significant ? `they adapted: ${share} is theirs.` : "no adaptation is visible.";
}
