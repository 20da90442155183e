// What a status document says, in one sentence, and the small things that every view shows.

import { h } from "./dom.js";
import { DASH, against, ago, capital, clock, percent, plural } from "./format.js";

export const ORDER = ["critical", "warning", "unknown", "learning", "ok"];
const LABELS = { ok: "OK", alarm: "Alarm", firing: "Firing" };

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

export function verdict(status) {
  const { change, gap } = status.readings;
  if (status.incidents.length) return status.incidents[0].summary;
  if (status.state === "learning") return learning(change ?? gap);
  const crossed = ["alarm", "pending"].includes(change?.state);
  if (gap?.state === "alarm" && !crossed) return "More traffic lies outside what the eval set covers than you tolerate.";
  if (change?.state === "pending") return "The drift score has crossed its threshold; what moved is being named.";
  if (status.state === "warning") return "The drift score is above its threshold; no incident is open.";
  const spoken = change ?? gap;
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
