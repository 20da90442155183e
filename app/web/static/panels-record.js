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

export const RECORD_PANELS = [
  card({
    title: "Counted so far",
    note: "Since the beginning of the topic.",
    select: ({ status }) => (status.readings.change ?? status.readings.gap)?.totals ?? null,
    draw: (totals) => h("dl", { class: "facts many" }, COUNTS.map(([key, name, small]) => fact(name, count(totals[key] ?? 0), small))),
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

export function alertTable(alerts, withApplication = false) {
  const names = ["When", "State", withApplication && "Application", "What happened", "Fired by", "Score", "Threshold"].filter(Boolean);
  const row = (alert) =>
    h(
      "tr",
      {},
      h("td", { class: "when" }, time(alert.updated_at)),
      h("td", {}, pill(alert.state === "firing" ? alert.severity : "resolved")),
      withApplication && h("td", {}, h("a", { href: `#/app/${encodeURIComponent(alert.application)}` }, alert.application)),
      h("td", { class: "says" }, alert.summary),
      h("td", {}, alert.channel ?? alert.monitor),
      h("td", { class: "number" }, number(alert.value)),
      h("td", { class: "number" }, number(alert.threshold)),
    );
  const head = names.map((name) => h("th", { scope: "col", class: name === "Score" || name === "Threshold" ? "number" : null }, name));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Alerts" }, h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, alerts.map(row))));
}

export function workerTable(workers) {
  if (!workers.length) return h("p", { class: "empty" }, "No worker has reported. Start one, or look at its log: nothing is measured meanwhile.");
  const row = ({ worker, updated_at, ...facts }) =>
    h(
      "tr",
      {},
      h("td", {}, h("b", {}, worker)),
      h("td", { class: "when" }, age(updated_at)),
      h("td", { class: "says" }, Object.entries(facts).map(([name, value]) => h("span", { class: "chip" }, `${name} `, h("b", {}, typeof value === "object" ? JSON.stringify(value) : value)))),
    );
  const head = ["Worker", "Last heartbeat", "Says of itself"].map((name) => h("th", { scope: "col" }, name));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Workers" }, h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, workers.map(row))));
}
