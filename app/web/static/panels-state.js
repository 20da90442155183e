// What is the matter: incidents, silence, learning, and the four numbers that matter.

import { Part, h } from "./dom.js";
import { DASH, against, capital, count, interval, number, percent, plural, size } from "./format.js";
import { progress } from "./view-overview.js";
import { age, time } from "./words.js";

const UNTIL = `Until it is complete no change can be told, and none is reported.
  Then thresholds are set from it, and watching begins.`;
const SHARES = { adaptation: "our deployment", outside: "outside", audience: "another audience" };

export const STATE_PANELS = [
  plainPart(({ status }) => (status.stale ? { updated_at: status.updated_at } : null), drawStale),
  plainPart(({ status }) => (status.incidents.length ? status.incidents : null), (list) => list.map(drawIncident)),
  plainPart(({ status }) => pick(status, (r) => r.state === "learning"), drawLearning),
  plainPart(({ status }) => pick(status, (r) => r.note && r.state !== "learning"), drawNote),
  plainPart(({ status }) => pick(status, (r) => r.state !== "learning"), drawFacts),
];

// Draws whole cards, several or none.
function plainPart(select, draw) {
  return {
    open(grid) {
      const host = h("div", { class: "grid", hidden: true });
      host.style.gridColumn = "1 / -1";
      grid.append(host);
      const part = new Part(host, draw);
      return { update: (known) => part.update(select(known)) };
    },
  };
}

function pick(status, wanted) {
  const { change } = status.readings;
  return change && wanted(change) ? change : null;
}

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
  const threshold = h("span", { class: "quiet" }, ` threshold ${number(alert.threshold)}`);
  const pairs = [
    ["What fired", alert.channel ?? alert.kind],
    ["Firing since", time(alert.detected_at)],
    ["Change began about", time(alert.onset_at ?? alert.started_at)],
    ["Deployment before it", alert.deployment ?? "none known"],
    ["Drift score then", [number(alert.value), threshold]],
    alert.attribution && ["Whose change", whose(alert.attribution)],
    alert.offsets?.length > 0 && ["Partitions and offsets", alert.offsets.map(offsets).join(", ")],
    ["Incident", h("code", {}, alert.incident)],
  ];
  return h(
    "section",
    { class: "card incident", data: { state: alert.severity }, "aria-label": "Open incident" },
    h("p", { class: "incident-kind" }, `${capital(alert.severity)} incident, `, age(alert.detected_at, "open for ", "")),
    h("p", { class: "summary" }, alert.summary),
    definitions(pairs),
  );
}

const offsets = (range) => `${range.partition}: ${range.first}–${range.last}`;

export function definitions(pairs) {
  const known = pairs.filter(Boolean);
  return h("dl", { class: "pairs" }, known.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
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
  return h("section", { class: "card callout", data: { state: reading.state } }, h("p", {}, capital(reading.note)));
}

function drawFacts(reading) {
  const { channel, effect, run_length, threshold, uncovered, units, value, window_start } = reading;
  const sure = (range, show) => (range ? `95 %: ${interval(range.low, range.high, show)}` : "not known yet");
  return h(
    "dl",
    { class: "card facts" },
    fact("Drift score", number(value), against(value, threshold) + (channel ? `; ${channel} leads` : "")),
    fact("Size of the change", effect ? size(effect.value) : DASH, sure(effect, size)),
    fact("Uncovered share", percent(uncovered?.share), sure(uncovered, percent)),
    fact("Units in the window", count(units ?? 0), window_start ? ["since ", time(window_start)] : DASH),
    run_length && fact("False alarms", `1 in ${count(run_length)}`, "units, by the threshold chosen"),
  );
}

export function fact(term, value, small) {
  const [big, words] = [h("dd", { class: "big" }, value), h("dd", { class: "small" }, small)];
  return h("div", { class: "fact" }, h("dt", {}, term), big, words);
}
