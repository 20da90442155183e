// Does the pipeline live?

import { Part, h } from "./dom.js";
import { DASH, ago, capital, count } from "./format.js";
import { model } from "./model.js";
import { heading, table } from "./panel.js";
import { link, workerTable } from "./panels-record.js";
import { age, conditions, monitorName, pill, placesOf, time } from "./words.js";

export const view = {
  path: /^\/pipeline$/,
  title: "Pipeline",
  order: 4,
  menu: { href: "#/pipeline", word: "Pipeline" },
  open(host) {
    const grid = h("div", { class: "grid" });
    const says = "Whether prompts are read, judged and told of, stage by stage.";
    host.append(h("div", { class: "title" }, h("h1", {}, "Pipeline"), h("p", { class: "verdict" }, says)), grid);
    const parts = CARDS.map(([title, note, draw, select]) => {
      const part = new Part(h("div", {}), draw);
      const card = h("section", { class: "card", "aria-label": title }, heading(title, note), part.host);
      grid.append(card);
      return () => {
        const input = select();
        card.hidden = input === null;
        part.update(input);
      };
    });
    return { update: () => parts.forEach((update) => update()) };
  },
};

const CARDS = [
  ["Health", "What a worker sees every few seconds.", drawConditions, () => conditions(model.pipeline)],
  ["Stages", "Records that wait, and for how long.", drawStages, stages],
  ["Sinks", "Who is told of incidents.", drawSinks, sinks],
  ["Judges and candidates", "Who is asked about live answers.", drawEndpoints, endpoints],
  ["Workers", "Heard of within the last half minute.", workerTable, () => model.workers],
  ["Freshness", "When each monitor of each application was last measured.", drawFreshness, freshness],
];

// Every worker sees the same; the one that spoke last knows best.
function stages() {
  const looking = model.workers.filter((worker) => worker.stages?.length);
  looking.sort((a, b) => Date.parse(b.updated_at) - Date.parse(a.updated_at));
  return looking[0]?.stages ?? null;
}

function sinks() {
  const found = model.workers.flatMap((worker) => worker.sinks ?? []);
  return found.length ? found : null;
}

function endpoints() {
  const found = model.workers.flatMap((worker) => worker.endpoints ?? []);
  return found.length ? found : null;
}

function freshness() {
  return [...model.statuses.values()].flatMap((status) =>
    placesOf(status).map((place) => ({
      application: status.application,
      place,
      state: status.stale ? null : status.readings[place].state,
      written: status.written_at[place],
    })),
  );
}

function drawConditions(list) {
  if (!list.length) return h("p", { class: "empty" }, "No worker has looked yet. The first does so when it starts.");
  const rows = list.map((reading) => [
    capital(reading.segment ?? "health"),
    pill(reading.state === "alarm" ? (reading.severity ?? "warning") : reading.state),
    reading.note ?? "",
    reading.detected_at ? time(reading.detected_at) : DASH,
    age(reading.time),
  ]);
  return table("Health", ["Condition", "State", "Says", "Since", "Seen"], rows);
}

function drawStages(list) {
  const rows = list.map((each) => [
    capital(each.stage),
    pill(each.state),
    count(each.partitions),
    count(each.waiting),
    each.waiting ? ago(each.behind_seconds) : DASH,
  ]);
  return table("Stages", ["Stage", "State", "Partitions", "Records waiting", "Behind"], rows);
}

function drawSinks(list) {
  const rows = list.map((each) => [
    each.sink,
    each.kind,
    pill(each.circuit === "open" ? "warning" : "ok", each.circuit === "open" ? "Left alone" : "In use"),
    count(each.waiting),
    each.outcome ?? DASH,
    each.reason ?? "",
    each.at ? age(each.at) : DASH,
  ]);
  return table("Sinks", ["Sink", "Kind", "State", "Waiting", "Last outcome", "Says", "When"], rows);
}

function drawEndpoints(list) {
  const rows = list.map((each) => [
    each.endpoint,
    capital(each.kind),
    pill(each.says ? "warning" : "ok", each.says ? "Failing" : "In use"),
    count(each.waiting),
    each.says ?? "",
  ]);
  return table("Judges and candidates", ["Name", "Kind", "State", "Answers waiting", "Says"], rows);
}

function drawFreshness(list) {
  if (!list.length) return h("p", { class: "empty" }, "No application has been measured yet.");
  const rows = list.map(({ application, place, state, written }) => [
    link(application),
    monitorName(place),
    state === null ? pill("unknown", "Silent") : pill(state),
    age(written),
  ]);
  return table("Freshness", ["Application", "Monitor", "State", "Measured"], rows);
}
