// Scores of live answers by version in three dimensions, candidates, and whether all that can be believed.

import { h } from "./dom.js";
import { DASH, count, interval, number, percent } from "./format.js";
import { heading, plainPart, table } from "./panel.js";
import { age, pill } from "./words.js";

const DIMENSIONS = { accuracy: "Task accuracy", quality: "Output quality", behaviour: "Behaviour", other: "Other scores" };
const KINDS = { quality: "quality:", validity: "validity:", judges: "judge:", models: "silent-change:" };
const WORST = 5;
const score = (value) => number(value, 2);

// Of a deployment: what is known since it came.
export const QUALITY_PANELS = [
  plainPart(({ pack: { application, readings } }) => scoresOf({ application, readings }), (found) => drawQuality(found).flat()),
];

// What a status says of evaluation; null where that is nothing.
export function scoresOf({ application, readings }) {
  const places = Object.keys(readings).sort();
  const found = Object.entries(KINDS).map(([part, prefix]) => [
    part,
    places.filter((place) => place.startsWith(prefix)).map((place) => ({ ...readings[place], totals: null })),
  ]);
  return found.some(([, list]) => list.length) ? { application, ...Object.fromEntries(found) } : null;
}

export function drawQuality({ application, quality, validity, judges, models }) {
  const groups = Object.keys(DIMENSIONS).map((name) => [name, quality.filter((reading) => (reading.quality.dimension ?? "other") === name)]);
  return [
    ...groups.filter(([, list]) => list.length).map(([name, list]) => drawDimension(application, DIMENSIONS[name], list)),
    drawCandidates(application, quality),
    validity.length > 0 && drawValidity(application, validity),
    judges.length + models.length > 0 && drawWatched(application, [...judges, ...models]),
  ];
}

function drawDimension(application, title, list) {
  const rows = list.flatMap(({ state, time, quality }) =>
    [...quality.versions].reverse().map((version, n) => [
      n === 0 ? [h("div", {}, quality.metric.replaceAll("_", " ")), pill(state)] : "",
      [h("code", {}, version.name), version.model && version.model !== version.name && h("div", { class: "small quiet" }, version.model)],
      version.score ? `${score(version.score.value)} (${interval(version.score.low, version.score.high, score)})` : "too few scores",
      version.corrected ? `${score(version.corrected.value)} (${interval(version.corrected.low, version.corrected.high, score)}), ${count(version.labels)} labels` : DASH,
      `${count(version.scored ?? 0)} of ${count(version.kept ?? 0)}`,
      n === 0 ? [...compared(quality), h("div", { class: "small quiet" }, "Measured ", age(time))] : "",
    ]),
  );
  const names = ["Metric", "Version", "Score, 95 %", "Corrected by people", "Scored of kept", "Newest against the one before"];
  return h(
    "section",
    { class: "card", "aria-label": `${title} of ${application}` },
    heading(`${title}: ${application}`, "Weighted to all traffic. Scores count as worse only on like questions."),
    table(`${title} by version`, names, rows),
    list.map(drawStrata),
    counted(list),
  );
}

function compared({ comparisons = [], shift, unreliable }) {
  const said = comparisons.map(({ verdict, scores, mix }) => [
    h("div", {}, verdict),
    scores && h("div", { class: "small" }, `answers ${moved(scores)}, questions ${moved(mix)}`),
  ]);
  const fell = shift && h("div", {}, "Like questions moved by ", `${score(shift.change)} `, age(shift.at), ".");
  return [unreliable && h("div", {}, `Not reliable: the judge ${unreliable}.`), ...said, fell].filter(Boolean);
}

const moved = ({ value, low, high }) => `${signed(value)} (${signed(low)} to ${signed(high)})`;
const signed = (value) => `${value > 0 ? "+" : ""}${score(value)}`;

// The clusters in which the newest version is worst.
function drawStrata({ quality: { metric, versions } }) {
  const known = (versions.at(-1)?.strata ?? []).filter((stratum) => stratum.score);
  if (known.length < 2) return null;
  const worst = [...known].sort((a, b) => a.score.value - b.score.value).slice(0, WORST);
  const rows = worst.map(({ name, share, scored, score: found }) => [
    h("bdi", {}, name),
    percent(share),
    `${score(found.value)} (${interval(found.low, found.high, score)})`,
    count(scored),
  ]);
  const title = `Lowest ${metric.replaceAll("_", " ")} of ${versions.at(-1).name}, by cluster`;
  return h("details", {}, h("summary", {}, title), table(title, ["Cluster", "Share of traffic", "Score, 95 %", "Scored"], rows));
}

function counted(list) {
  const sum = (name) => list.reduce((total, { quality }) => total + (quality.counts?.[name] ?? 0), 0);
  const names = { failed: "not scored although chosen", corrected: "scored again", late: "late", invalid: "no score" };
  const said = Object.entries(names).filter(([name]) => sum(name) > 0).map(([name, words]) => `${count(sum(name))} ${words}`);
  return said.length > 0 && h("p", { class: "small quiet" }, `Of the rows: ${said.join(", ")}.`);
}

function drawCandidates(application, list) {
  const rows = list.flatMap(({ quality }) =>
    (quality.candidates ?? []).map((each) => [
      h("code", {}, each.candidate),
      quality.metric.replaceAll("_", " "),
      score(each.candidate_score),
      [score(each.primary_score), h("div", { class: "small quiet" }, h("code", {}, each.primary))],
      each.difference ? moved(each.difference) : DASH,
      count(each.pairs),
      each.verdict,
    ]),
  );
  if (!rows.length) return null;
  const names = ["Candidate", "Metric", "Its score", "Primary", "Difference, at every look", "Prompts", "Verdict"];
  return h("section", { class: "card", "aria-label": `Candidates of ${application}` }, heading(`Candidates: ${application}`, "Asked the same live prompts, in the shadow."), table("Candidates", names, rows));
}

function drawValidity(application, list) {
  const rows = list.flatMap(({ state, validity }) =>
    [...(validity.releases ?? [])].reverse().map((each, n) => [
      n === 0 ? [h("div", {}, validity.metric.replaceAll("_", " ")), pill(state)] : "",
      h("code", {}, each.name),
      score(each.on_set.value),
      each.on_live ? `${score(each.on_live.value)} (${interval(each.on_live.low, each.on_live.high, score)})` : DASH,
      each.unknown == null ? DASH : [percent(each.unknown), h("div", { class: "small quiet" }, `${score(each.low)} to ${score(each.high)} in all`)],
      each.live ? `${score(each.live.value)} (${interval(each.live.low, each.live.high, score)})` : "not scored",
    ]),
  );
  const says = list.flatMap(({ validity: { verdict, metric, missing, decided, agreeing } }) => [
    verdict && `${metric}: ${verdict}.`,
    missing?.length && `${metric}: no item in ${missing.map((name) => `'${name}'`).join(", ")}.`,
    decided > 0 && `${metric}: of ${decided} pairs of releases that live quality tells apart, the eval score orders ${agreeing ?? 0} alike.`,
  ]);
  const names = ["Metric", "Release", "On the set", "On today's traffic", "Not covered", "Live answers"];
  return h(
    "section",
    { class: "card", "aria-label": `Benchmark validity of ${application}` },
    heading(`Does the benchmark measure? ${application}`, "The eval score, weighted to live traffic, beside what live answers score."),
    table("Benchmark validity", names, rows),
    says.filter(Boolean).map((text) => h("p", { class: "small" }, text)),
  );
}

function drawWatched(application, list) {
  const rows = list.map(({ state, watched, deployment }) => [
    [h("code", {}, watched.name), h("div", { class: "small quiet" }, watched.metric ? `probes, ${watched.metric.replaceAll("_", " ")}` : "judge, gold items")],
    pill(state),
    count(watched.answers ?? 0),
    watched.promised ? `${score(watched.promised.value)} (${interval(watched.promised.low, watched.promised.high, score)})` : `${percent(watched.learned ?? 0)} learned`,
    score(watched.now),
    watched.verdict ?? (deployment ? ["moved with ", h("code", {}, deployment)] : state === "learning" ? "too few answers yet" : "as it was"),
  ]);
  const names = ["Who", "State", "Answers", "Agreement promised", "Lately", "Verdict"];
  return h("section", { class: "card", "aria-label": `Judges and probes of ${application}` }, heading(`Judges and models: ${application}`, "Do they still answer as they did?"), table("Judges and models", names, rows));
}
