// How good live answers are; what live traffic is measured against, and how much of it that covers.

import { Part, h } from "./dom.js";
import { count, percent, plural } from "./format.js";
import { answer, model } from "./model.js";
import { definitions, heading, table } from "./panel.js";
import { drawQuality, scoresOf } from "./panels-quality.js";
import { link } from "./panels-record.js";
import { drawVersions } from "./panels-versions.js";
import { PARTIAL, age, pill } from "./words.js";

const SHOWN = 12;

export const view = {
  path: /^\/evaluation$/,
  title: "Evaluation",
  order: 3,
  menu: { href: "#/evaluation", word: "Evaluation" },
  open(host) {
    const coverage = new Part(h("div", {}), drawCoverage);
    const scores = new Part(h("div", { class: "grid whole" }), (list) => list.flatMap(drawQuality));
    const sets = new Part(h("div", { class: "grid whole" }), (list) => list.map(drawSet));
    const versions = new Part(h("div", { class: "grid whole" }), (list) => list.map(drawVersions));
    const says = "How good live answers are, whether the eval score still says so, and how much of live traffic it covers.";
    host.append(
      h("div", { class: "title" }, h("h1", {}, "Evaluation"), h("p", { class: "verdict" }, says)),
      h("div", { class: "grid" }, h("section", { class: "card" }, heading("Coverage now"), coverage.host), scores.host, versions.host, sets.host),
    );
    return {
      update() {
        coverage.update([...model.statuses.values()].map(coverageOf).filter(({ gap }) => gap));
        scores.update([...model.statuses.values()].map(scoresOf).filter(Boolean));
        const known = answer("v1/evalset", ["series", "evalset"]);
        versions.update(known?.versions ?? []);
        sets.update(known?.evalsets ?? []);
      },
    };
  },
};

const coverageOf = ({ application, readings, written_at }) => ({
  application,
  gap: readings.gap && { ...readings.gap, clusters: null, totals: null, offsets: null },
  written_at: written_at.gap,
});

const shareOf = (found) => (found ? `${percent(found.share)} (${percent(found.low)} to ${percent(found.high)})` : "not known yet");

function drawCoverage(list) {
  if (!list.length) return h("p", { class: "empty" }, "No application is compared with an eval set yet.");
  const rows = list.map(({ application, gap, written_at }) => [
    link(application),
    pill(gap.state),
    shareOf(gap.uncovered),
    shareOf(gap.scarce),
    gap.threshold == null ? "none" : `${percent(gap.threshold)} uncovered`,
    [h("code", {}, gap.evalset ?? "none"), gap.note && gap.note !== PARTIAL && h("p", { class: "small quiet" }, gap.note)],
    age(written_at),
  ]);
  return table("Coverage", ["Application", "State", "Uncovered", "Scarce", "Tolerance", "Eval set", "Measured"], rows);
}

function drawSet(set) {
  const { application, clusters, id, published_at, units } = set;
  const published = published_at ? new Date(published_at * 1000).toISOString() : null;
  const pairs = [
    ["For", application === "*" ? "every application that has none of its own" : link(application)],
    ["Items", count(units)],
    ["Clusters", count(clusters.length)],
    published && ["Published", age(published)],
    ["Encoder", h("code", {}, set.fingerprint.slice(0, 12))],
  ];
  const sorted = [...clusters].sort((a, b) => b.share - a.share);
  const row = (cluster) => [h("bdi", {}, cluster.name), percent(cluster.share), cluster.examples[0]?.slice(0, 200) ?? ""];
  const rest = sorted.length - SHOWN;
  return h(
    "section",
    { class: "card", "aria-label": `Eval set ${id}` },
    heading("Eval set", h("code", {}, id)),
    definitions(pairs),
    table("Clusters", ["Cluster", "Share", "For example"], sorted.slice(0, SHOWN).map(row)),
    rest > 0 && h("p", { class: "small quiet" }, `${plural(rest, "more cluster")}, all smaller.`),
  );
}
