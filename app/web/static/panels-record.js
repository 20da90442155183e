// On what evidence: counts, history, and whether the pipeline lives.

import { h } from "./dom.js";
import { count, number } from "./format.js";
import { applicationLink, deploymentLink, incidentLink, placeOf } from "./links.js";
import { PIPELINE } from "./model.js";
import { card, fact, table } from "./panel.js";
import { age, monitorName, pill, time } from "./words.js";

const COUNTS = [
  ["events", "Events", "interactions in production"],
  ["units", "Units", "one per user and horizon"],
  ["duplicates", "Duplicates", "ids seen before"],
  ["collapsed", "Collapsed", "same user or same text"],
  ["late", "Late", "counted here, in no tick"],
  ["keyless", "Keyless", "units without a user"],
  ["unreadable", "Unreadable", "no eye can read them"],
  ["unanswered", "Unanswered", "without a response"],
];
const NO_WORKER = "No worker has reported. Start one, or look at its log: nothing is measured meanwhile.";
const OUTCOMES = { sent: "ok", retry: "warning", refused: "critical", dropped: "warning", "dry run": "learning" };

export const RECORD_PANELS = [
  card({
    title: "Counted so far",
    note: "Since the beginning of the topic.",
    select: ({ reading }) => (reading?.totals?.events ? reading.totals : null),
    draw: drawTotals,
  }),
  card({
    title: "Alert history",
    select: ({ alerts }) => alerts.slice(0, 30),
    draw: (alerts) => (alerts.length ? alertTable(alerts) : h("p", { class: "quiet" }, "No alert yet.")),
  }),
  card({
    title: "Deployments",
    select: ({ deployments }) => (deployments.length ? deployments.slice(0, 12) : null),
    draw: deploymentTable,
  }),
  card({
    title: "Pipeline",
    note: "Workers that reported within the last half minute.",
    select: ({ workers }) => workers,
    draw: workerTable,
  }),
];

function drawTotals(totals) {
  const known = COUNTS.filter(([key]) => key in totals);
  return h("dl", { class: "facts many" }, known.map(([key, name, small]) => fact(name, count(totals[key]), small)));
}

export const link = (application) =>
  h("a", { href: applicationLink(application) }, application === PIPELINE ? "the pipeline" : application);

export function alertTable(alerts, withApplication = false) {
  const first = withApplication ? ["When", "State", "Application"] : ["When", "State"];
  const rows = alerts.map((alert) => [
    time(alert.updated_at),
    pill(alert.state === "firing" ? alert.severity : "resolved"),
    ...(withApplication ? [link(alert.application)] : []),
    [alert.transition && h("b", {}, `${alert.transition}: `), h("a", { href: incidentLink(alert.incident) }, alert.summary)],
    alert.channel ?? monitorName(placeOf(alert)),
    number(alert.value),
    number(alert.threshold),
  ]);
  return table("Alerts", [...first, "What happened", "Fired by", "Score", "Threshold"], rows);
}

export function deliveryTable(deliveries) {
  if (!deliveries.length) return h("p", { class: "quiet" }, "Nothing was sent to anybody yet.");
  const rows = deliveries.map((each) => [
    time(each.at),
    pill(OUTCOMES[each.outcome] ?? "unknown", each.outcome),
    `${each.sink} (${each.kind})`,
    h("a", { href: incidentLink(each.incident) }, each.action),
    String(each.attempt ?? 1),
    [each.status && `${each.status} `, each.reason ?? "", each.next_at && [" again ", time(each.next_at)]],
  ]);
  return table("Deliveries", ["When", "Outcome", "Sink", "Action", "Attempt", "Says"], rows);
}

export function deploymentTable(deployments) {
  const rows = deployments.map((each) => [
    time(each.time),
    each.status ?? "succeeded",
    h("a", { href: deploymentLink(each.application, each.deployment_id) }, h("code", {}, each.deployment_id)),
    [each.version, each.variant && `, variant ${each.variant}`],
    each.traffic_percent == null ? "" : `${each.traffic_percent} %`,
    each.summary ?? each.kind ?? "",
  ]);
  return table("Deployments", ["When", "Status", "Deployment", "Version", "Traffic", "What happened"], rows);
}

export function workerTable(workers) {
  if (!workers.length) return h("p", { class: "empty" }, NO_WORKER);
  const rows = workers.map(({ worker, updated_at, ...facts }) => [
    h("b", {}, worker),
    age(updated_at),
    Object.entries(facts).filter(([, value]) => typeof value !== "object").map(chip),
  ]);
  return table("Workers", ["Worker", "Last heartbeat", "Says of itself"], rows);
}

const chip = ([name, value]) => h("span", { class: "chip" }, `${name.replaceAll("_", " ")} `, h("b", {}, value));
