// What users experienced with each version: one table a metric.

import { h } from "./dom.js";
import { DASH, count, interval, number, percent } from "./format.js";
import { heading, plainPart, table } from "./panel.js";
import { age, time } from "./words.js";

const LABELS = 4;

export const OUTCOME_PANELS = [
  plainPart(({ pack }) => found(pack.readings), (readings) => readings.map(drawMetric)),
];

function found(readings) {
  const told = Object.values(readings).filter((reading) => reading.outcomes?.versions?.length);
  return told.length ? told.map(({ outcomes, time: at }) => ({ ...outcomes, at })) : null;
}

function drawMetric({ metric, kind, higher_is_better: up, inferred, versions, comparisons = [], ratios = [], shift, advice, at }) {
  const show = kind === "boolean" ? percent : number;
  const rows = versions.map((version) => [
    h("code", {}, nameOf(version)),
    count(version.count ?? 0),
    version.value ? `${show(version.value.value)} (${interval(version.value.low, version.value.high, show)})` : labelsOf(version),
    comparisons.filter((each) => each.new === nameOf(version)).map((each) => h("div", {}, each.verdict)),
  ]);
  const wrong = ratios.filter((each) => each.mismatch);
  const way = up == null ? "" : up ? "Higher is better. " : "Lower is better. ";
  const note = [`${way}${inferred ? "Inferred from what users did. " : ""}Measured `, age(at), "."];
  const says = [
    ...wrong.map((each) => `Users did not fall into ${each.old} and ${each.new} as they should: do not trust their difference.`),
    shift && [`Changed over all versions about `, time(shift.at), ` from ${show(shift.before)} to ${show(shift.now)}.`],
    advice,
  ].filter(Boolean);
  return h(
    "section",
    { class: "card", "aria-label": `Outcome ${metric}` },
    heading(`Outcome: ${metric.replaceAll("_", " ")}`, note),
    table(`Outcome ${metric} by version`, ["Version", "Outcomes", "Value, 95 %", "Compared with the one before"], rows),
    says.map((text) => h("p", { class: "small" }, text)),
  );
}

// As a comparison names it.
function nameOf({ deployment_id: deployment, variant }) {
  if (!deployment) return variant ?? "no version";
  return variant ? `${deployment}/${variant}` : deployment;
}

function labelsOf({ labels = {} }) {
  const shares = Object.entries(labels).sort((a, b) => b[1] - a[1]).slice(0, LABELS);
  return shares.length ? shares.map(([label, share]) => `${label} ${percent(share)}`).join(", ") : DASH;
}
