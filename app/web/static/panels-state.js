// What is the matter: incidents, silence, learning, and the numbers that matter.

import { h } from "./dom.js";
import { DASH, against, capital, count, interval, number, percent, plural, size } from "./format.js";
import { countedRange, incidentLink, placeOf, rangeLink } from "./links.js";
import { definitions, fact, plainPart } from "./panel.js";
import { progress } from "./view-overview.js";
import { PARTIAL, age, monitorName, pill, time } from "./words.js";

const UNTIL = `Until it is complete no change can be told, and none is reported.
  Then thresholds are set from it, and watching begins.`;
const SHARES = { adaptation: "our deployment", outside: "outside", audience: "another audience" };

export const STATE_PANELS = [
  plainPart(({ status }) => (status.stale ? { updated_at: status.updated_at } : null), drawStale),
  plainPart(({ status }) => (status.incidents.length ? status.incidents : null), (list) => list.map(drawIncident)),
];

export const READING_PANELS = [
  plainPart(({ reading }) => (reading?.state === "learning" ? reading : null), drawLearning),
  plainPart(({ reading }) => (reading?.note && reading.state !== "learning" ? reading : null), drawNote),
  plainPart(({ reading, monitor }) => factsOf(reading, monitor), drawFacts),
];

function drawStale({ updated_at }) {
  const text = ["Last measured ", age(updated_at), ". What you see is the last that was known; look at the pipeline below."];
  return h(
    "section",
    { class: "card callout", data: { state: "warning" }, role: "status" },
    h("h2", {}, "Nothing new for a while"),
    h("p", { class: "small" }, text),
  );
}

function drawIncident(alert) {
  return h(
    "section",
    { class: "card incident", data: { state: alert.severity }, "aria-label": "Open incident" },
    h("p", { class: "incident-kind" }, `${capital(alert.severity)} incident, `, age(alert.detected_at, "open for ", "")),
    h("p", { class: "summary" }, alert.summary),
    definitions(incidentPairs(alert)),
    h("p", { class: "links" }, h("a", { href: incidentLink(alert.incident) }, "All its evidence")),
  );
}

export function incidentPairs(alert) {
  const threshold = h("span", { class: "quiet" }, ` threshold ${number(alert.threshold)}`);
  const counted = rangeLink(alert.application, placeOf(alert), countedRange(alert));
  return [
    ["What fired", alert.channel ?? alert.kind],
    ["Detected", time(alert.detected_at)],
    ["Change began about", time(alert.onset_at ?? alert.started_at)],
    alert.ended_at && ["Ended", time(alert.ended_at)],
    ["Deployment before it", alert.deployment ?? "none known"],
    alert.value != null && ["Score then", [number(alert.value), alert.threshold != null && threshold]],
    alert.attribution && ["Whose change", whose(alert.attribution)],
    alert.acknowledged_at && ["Acknowledged", [alert.acknowledged_by ?? "somebody", ", ", time(alert.acknowledged_at)]],
    alert.muted && ["Muted", "nobody is told now"],
    alert.unknown && ["Now unknown", "its data have stopped"],
    alert.members?.length > 1 && ["Seen by", plural(alert.members.length, "monitor")],
    alert.runbook && ["Runbook", outside(alert.runbook)],
    alert.offsets?.length > 0 && ["Counted", h("a", { href: counted }, "the exact range")],
  ];
}

// A link of the user's own settings: only to where a browser may safely go.
function outside(url) {
  return /^https?:\/\//.test(url) ? h("a", { href: url, rel: "noreferrer" }, url) : url;
}

function whose(attribution) {
  const known = Object.entries(SHARES).filter(([key]) => attribution[key] != null);
  const lines = known.map(([key, label]) => h("div", {}, `${percent(attribution[key])} ${label}`));
  return lines.length ? lines : "not known yet";
}

function drawLearning(reading) {
  return h(
    "section",
    { class: "card", data: { state: "learning" } },
    h("h2", {}, "Learning what normal looks like"),
    progress(reading),
    h("p", {}, h("b", {}, percent(reading.progress)), ` of the baseline, ${plural(reading.units ?? 0, "unit")} so far.`),
    h("p", { class: "small quiet" }, reading.note ?? UNTIL),
  );
}

function drawNote(reading) {
  const says = reading.note === PARTIAL ? drawPause(reading) : [h("p", {}, capital(reading.note))];
  return h("section", { class: "card callout", data: { state: reading.state } }, says);
}

function drawPause(reading) {
  const since = reading.window_start ? [" since ", time(reading.window_start)] : [];
  return [
    h("h2", {}, "Traffic has paused"),
    h(
      "p",
      { class: "small" },
      `These numbers rest on ${plural(reading.units ?? 0, "unit")}`,
      since,
      ", the last of them in a window that is not full yet. They are shown, not judged: no incident ends by ",
      "them. The window fills, and counts, when traffic goes on.",
    ),
  ];
}

function factsOf(reading, monitor) {
  if (!reading || reading.state === "learning" || monitor === "health") return null;
  return { ...reading, clusters: null, totals: null };
}

function drawFacts(reading) {
  const { budget, channel, effect, monitor, run_length, scarce, threshold, uncovered, units, value, window_start } = reading;
  const sure = (range, show) => (range ? `95 %: ${interval(range.low, range.high, show)}` : "not known yet");
  const score = fact("Score", number(value), against(value, threshold) + (channel ? `; ${channel} leads` : ""));
  const tolerated = threshold == null ? "no tolerance is set" : `${percent(threshold)} is tolerated`;
  const covered = monitor === "gap" ? `${sure(uncovered, percent)}; ${tolerated}` : sure(uncovered, percent);
  return h(
    "dl",
    { class: "card facts" },
    fact("State", pill(reading.state), monitorName(placeOf(reading))),
    monitor !== "gap" && score,
    fact(monitor === "gap" ? "Distance" : "Size of the change", effect ? size(effect.value) : DASH, sure(effect, size)),
    uncovered && fact("Uncovered share", percent(uncovered.share), covered),
    scarce && fact("Scarce share", percent(scarce.share), `hardly in the eval set; ${sure(scarce, percent)}`),
    fact("Units in the window", count(units ?? 0), window_start ? ["since ", time(window_start)] : DASH),
    run_length && fact("False alarms", `1 in ${count(run_length)}`, "units, by the threshold chosen"),
    budget && fact("Alarms so far", count(budget.alarms), promised(budget)),
  );
}

function promised({ days, promised: allowed }) {
  const over = days < 1 ? `in ${number(24 * days, 1)} hours` : `in ${number(days, 1)} days`;
  const few = allowed < 0.1 ? "less than 0.1" : number(allowed, 1);
  return allowed == null ? `${over}; no promise is made` : `${over}; ${few} false ones are allowed`;
}
