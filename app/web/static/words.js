// What a status document says, in one sentence, and the small things that every view shows.

import { h } from "./dom.js";
import { DASH, against, ago, capital, clock, percent, plural } from "./format.js";
import { partsOf } from "./links.js";

export const ORDER = ["critical", "warning", "unknown", "learning", "ok"];
const LABELS = { ok: "OK", alarm: "Alarm", firing: "Firing" };
const CROSSED = ["alarm", "pending"];
export const PARTIAL = "partial window"; // the note of a reading that did not wait for its window

export function pill(state, label) {
  return h("span", { class: "pill", data: { state } }, label ?? LABELS[state] ?? capital(state));
}

export function time(iso) {
  return iso ? h("time", { datetime: iso, title: new Date(iso).toISOString() }, clock(iso)) : DASH;
}

// Its text follows the clock (see main.js), its document does not change.
export function age(iso, before = "", after = " ago") {
  return h("span", { data: { since: iso ?? "", before, after } }, DASH);
}

export function ageText(element, now) {
  const { since, before, after } = element.dataset;
  return since ? `${before}${ago((now - Date.parse(since)) / 1000)}${after}` : `${before}${DASH}`;
}

// Monitors as people say them; one that is not named here is shown under its own name.
const NAMES = { change: "Change", responses: "Responses", gap: "Gap to the eval set", health: "Health of the pipeline" };

export function monitorName(place) {
  const { monitor, segment } = partsOf(place);
  const name = NAMES[monitor] ?? capital(monitor.replaceAll("_", " ").replace(":", ": "));
  return segment ? `${name}, ${segment.replace("=", " ")}` : name;
}

// change, responses and gap first, the others by name, segments behind their monitor
export function placesOf(status) {
  const rank = (place) => {
    const known = ["change", "responses", "gap"].indexOf(partsOf(place).monitor);
    return known < 0 ? 3 : known;
  };
  return Object.keys(status.readings).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

// Readings of the pipeline's own health, those in trouble first.
export function conditions(pipeline) {
  const found = Object.values(pipeline?.readings ?? {}).filter((reading) => reading.monitor === "health");
  const rank = ({ state, severity }) => (state === "ok" ? 2 : severity === "critical" ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b) || (a.segment ?? "").localeCompare(b.segment ?? ""));
}

export function verdict(status) {
  const { change, gap } = status.readings;
  if (status.incidents.length) return status.incidents[0].summary;
  if (status.why) return status.why;
  if (status.state === "learning") return learning(change ?? gap);
  if (change?.state === "pending") return "The drift score has crossed its threshold; what moved is being named.";
  const crossed = placesOf(status).filter((place) => CROSSED.includes(status.readings[place].state));
  if (crossed[0] === "gap") return "More traffic lies outside what the eval set covers than you tolerate.";
  if (crossed[0] === "change") return "The drift score is above its threshold; no incident is open.";
  if (crossed.length) return `${monitorName(crossed[0])} is above its threshold; no incident is open.`;
  const spoken = change ?? gap ?? Object.values(status.readings)[0];
  if (!spoken) return "No measurement is kept. The last one is too old, or none has come yet.";
  if (status.state === "unknown") return spoken.note ?? "Too little to judge: no statement is made.";
  if (!change) return "Compared with the eval set only; nothing watches for change yet.";
  if (change.threshold == null) return "Traffic is as it was.";
  return `Traffic is as it was: the drift score is ${against(change.value, change.threshold)}.`;
}

export function learning(reading) {
  const part = reading?.progress == null ? "" : `, ${percent(reading.progress)} of the baseline`;
  return `Learning what normal traffic looks like: ${plural(reading?.units ?? 0, "unit")} so far${part}.`;
}
