// On what evidence: counts, history, and whether the pipeline lives.

import { h } from "./dom.js";
import { count, number } from "./format.js";
import { card } from "./panel.js";
import { fact } from "./panels-state.js";
import { age, pill, time } from "./words.js";

const COUNTS = [
  ["events", "Events", "interactions in production"],
  ["units", "Units", "one per user and horizon"],
  ["duplicates", "Duplicates", "ids seen before"],
  ["collapsed", "Collapsed", "same user or same text"],
  ["late", "Late", "counted here, in no tick"],
  ["keyless", "Keyless", "units without a user"],
  ["unreadable", "Unreadable", "no eye can read them"],
];

const NO_WORKER = "No worker has reported. Start one, or look at its log: nothing is measured meanwhile.";

export const RECORD_PANELS = [
  card({
    title: "Counted so far",
    note: "Since the beginning of the topic.",
    select: ({ status }) => (status.readings.change ?? status.readings.gap)?.totals ?? null,
    draw: drawTotals,
  }),
  card({
    title: "Alert history",
    select: ({ alerts }) => alerts.slice(0, 30),
    draw: (alerts) => (alerts.length ? alertTable(alerts) : h("p", { class: "quiet" }, "No alert yet.")),
  }),
  card({
    title: "Pipeline",
    note: "Workers that reported within the last half minute.",
    select: ({ workers }) => workers,
    draw: workerTable,
  }),
];

function drawTotals(totals) {
  const facts = COUNTS.map(([key, name, small]) => fact(name, count(totals[key] ?? 0), small));
  return h("dl", { class: "facts many" }, facts);
}

// A table that becomes a list on a narrow screen.
export function table(label, names, rows) {
  const head = names.map((name) => h("th", { scope: "col" }, name));
  const cells = (row) => row.map((cell, i) => h("td", { data: { label: names[i] } }, cell));
  const body = rows.map((row) => h("tr", {}, cells(row)));
  const whole = h("table", { class: "stack" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, whole);
}

export const link = (application) => h("a", { href: `#/app/${encodeURIComponent(application)}` }, application);

export function alertTable(alerts, withApplication = false) {
  const first = withApplication ? ["When", "State", "Application"] : ["When", "State"];
  const rows = alerts.map((alert) => [
    time(alert.updated_at),
    pill(alert.state === "firing" ? alert.severity : "resolved"),
    ...(withApplication ? [link(alert.application)] : []),
    alert.summary,
    alert.channel ?? alert.monitor,
    number(alert.value),
    number(alert.threshold),
  ]);
  return table("Alerts", [...first, "What happened", "Fired by", "Score", "Threshold"], rows);
}

export function workerTable(workers) {
  if (!workers.length) return h("p", { class: "empty" }, NO_WORKER);
  const rows = workers.map(({ worker, updated_at, ...facts }) => [
    h("b", {}, worker),
    age(updated_at),
    Object.entries(facts).map(chip),
  ]);
  return table("Workers", ["Worker", "Last heartbeat", "Says of itself"], rows);
}

function chip([name, value]) {
  const text = typeof value === "object" ? JSON.stringify(value) : value;
  return h("span", { class: "chip" }, `${name.replaceAll("_", " ")} `, h("b", {}, text));
}
