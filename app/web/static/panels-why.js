// Why: clusters that moved, descriptors, segments, watches.

import { h } from "./dom.js";
import { percent, plural, points, signedInterval } from "./format.js";
import { placeOf } from "./links.js";
import { card } from "./panel.js";

const SHOWN = 6;
const LETTERS = 2000; // of an example: enough to judge it by
const byMove = (before, now) => (a, b) => Math.abs(b[now] - b[before]) - Math.abs(a[now] - a[before]);
const moved = byMove("share_before", "share_now");

export const WHY_PANELS = [
  card({
    title: "What moved",
    note: "Clusters whose share of traffic changed, with redacted examples of what is said now.",
    select: (known) => (known.monitor === "gap" ? null : told(known, "clusters")),
    draw: drawMoves,
  }),
  card({
    title: "Where the eval set has too little",
    note: "Shares of the eval set's own clusters: in the set, and in live traffic.",
    select: (known) => (known.monitor === "gap" ? told(known, "clusters") : null),
    draw: drawLevels,
  }),
  card({
    title: "What the eval set hardly has",
    note: "Places where it has less than a fifth of the share of live traffic, with redacted examples of what is asked.",
    select: ({ reading }) => (reading?.scarce?.clusters?.length ? reading.scarce.clusters : null),
    draw: (clusters) => drawMoves(clusters, ["set", "live"]),
  }),
  card({
    title: "Language, code and form",
    note: "Share of units.",
    size: "half",
    select: (known) => told(known, "descriptors"),
    draw: (moves) => rates(moves.map((move) => [move.name, move.share_before, move.share_now]), 1),
  }),
  card({
    title: "Where it happens",
    note: "Segments in which a cluster moved more than elsewhere, or that grew themselves; of their units, or of all.",
    size: "half",
    select: (known) => told(known, "segments"),
    draw: (moves) => rates(moves.map((move) => [whereabouts(move), move.share_before ?? 0, move.share_now]), 1),
  }),
  card({
    title: "Watches",
    note: "Share of units above the score that one in a hundred reference units exceeds.",
    size: "half",
    select: (known) => told(known, "watch"),
    draw: (watches) => rates(watches.map((watch) => [watch.name, watch.rate_before, watch.rate_now])),
  }),
];

// What the latest reading tells; while an incident clears it tells nothing, and the incident still does.
function told({ evidence, reading, incidents, place }, what) {
  const incident = incidents?.find((alert) => placeOf(alert) === place);
  const found = [evidence?.[what], reading?.[what], incident?.[what]].find((items) => items?.length);
  return found ?? null;
}

function whereabouts({ name, cluster, ...shares }) {
  if (!cluster) return `${name}: share of traffic`;
  const rest = `elsewhere ${percent(shares.elsewhere_before)} to ${percent(shares.elsewhere_now)}`;
  return `${name}${shares.share_before == null ? " (new)" : ""}: ${cluster} (${rest})`;
}

const largest = (pairs) => Math.max(0.01, ...pairs.flat());
const top = (moves) => largest(moves.map((move) => [move.share_before, move.share_now]));

function legend(before, now) {
  return h("p", { class: "legend" }, h("span", {}, before), h("span", { class: "now" }, now));
}

// Bars of one card share one scale, so that they compare.
function bars(before, now, { scale, names = ["before", "now"] }) {
  const bar = (share, kind) => h("div", { class: `track ${kind}` }, h("i", { width: `${(100 * share) / scale}%` }));
  const row = (name, share, kind) => [name, bar(share, kind), h("b", {}, percent(share))];
  return h("div", { class: "bars" }, row(names[0], before, ""), row(names[1], now, "now"));
}

function drawMoves(clusters, names = ["before", "now"]) {
  const scale = top(clusters);
  const items = clusters.map((move) => drawMove(move, scale, names)); // they come in order of evidence
  const rest = items.slice(SHOWN);
  const more = h("details", {}, h("summary", {}, plural(rest.length, "more cluster")), h("ul", { class: "moves" }, rest));
  return [legend(...names), h("ul", { class: "moves" }, items.slice(0, SHOWN)), rest.length > 0 && more];
}

function drawMove(move, scale, names) {
  const range = signedInterval(move.low, move.high);
  const name = h("h3", {}, h("bdi", {}, move.name));
  const moved = points(move.share_now - move.share_before);
  const part = move.contribution == null ? null : `; ${percent(move.contribution)} of the distance`;
  const change = h("p", { class: "change" }, h("b", {}, moved), range && ` (99 %: ${range})`, part);
  return h(
    "li",
    {},
    h(
      "div",
      {},
      h("div", { class: "move-head" }, name, move.new && h("span", { class: "tag" }, "new")),
      change,
      bars(move.share_before, move.share_now, { scale, names }),
    ),
    h("div", {}, quotes("Said now", move.examples, ""), quotes("Nearest in the reference", move.nearest, "before")),
  );
}

function quotes(label, texts, kind) {
  if (!texts?.length) return null;
  const each = texts.slice(0, 3).map((text) => h("blockquote", { dir: "auto" }, text.slice(0, LETTERS)));
  return h("div", { class: `quotes ${kind}` }, h("p", {}, label), each);
}

// rows: [name, before, now]
function rates(rows, whole = null) {
  const scale = whole ?? largest(rows.map(([, before, now]) => [before, now])) * 1.1;
  const sorted = [...rows].sort((a, b) => Math.abs(b[2] - b[1]) - Math.abs(a[2] - a[1]));
  const items = sorted.map(([name, before, now]) =>
    h(
      "li",
      {},
      h("h3", {}, h("span", { class: "change" }, points(now - before)), h("bdi", {}, name)),
      bars(before, now, { scale }),
    ),
  );
  return [legend("before", "now"), h("ul", { class: "rates" }, items)];
}

function drawLevels(clusters) {
  const moves = [...clusters].sort(moved).slice(0, 2 * SHOWN);
  const scale = top(moves);
  const row = (move) =>
    h(
      "li",
      {},
      h("h3", {}, h("bdi", {}, move.name)),
      bars(move.share_before, move.share_now, { scale, names: ["set", "live"] }),
    );
  return [legend("eval set", "live traffic"), h("ul", { class: "moves level" }, moves.map(row))];
}
