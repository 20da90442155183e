// One tile per application, the troubled ones first.

import { Part, h } from "./dom.js";
import { percent, plural } from "./format.js";
import { loadSeries, model, series } from "./model.js";
import { spark } from "./spark.js";
import { ORDER, age, pill, verdict } from "./words.js";

export const overviewView = {
  path: /^\/$/,
  title: "Overview",
  menu: { href: "#/", word: "Overview" },
  open(host) {
    const head = new Part(h("div", { class: "title" }), drawHead);
    const tiles = new Part(h("div", { class: "tiles" }), (list) => list.map(drawTile));
    const asked = new Set();
    host.append(head.host, tiles.host);
    return {
      update() {
        const statuses = [...model.statuses.values()].sort(byTrouble);
        for (const { application } of statuses) {
          if (asked.has(application)) continue;
          asked.add(application);
          loadSeries(application, "change");
        }
        head.update({ loaded: model.loaded, states: statuses.map((status) => status.state) });
        const points = (status) => series(status.application, "change").slice(-300);
        tiles.update(statuses.map((status) => ({ ...status, points: points(status) })));
      },
    };
  },
};

const byTrouble = (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.application.localeCompare(b.application);

function drawHead({ loaded, states }) {
  if (!loaded) return h("p", { class: "quiet" }, "Loading…");
  const troubled = states.filter((state) => state === "critical" || state === "warning").length;
  const learning = states.filter((state) => state === "learning").length;
  const all = plural(states.length, "application");
  let says = "";
  if (!states.length) says = "No application has been measured yet. The first appears with its first reading.";
  else if (troubled) says = `${troubled} of ${all} ${troubled === 1 ? "needs" : "need"} a look.`;
  else says = `Nothing needs a look in ${all}.`;
  if (learning) says += ` ${learning === 1 ? "One is" : `${learning} are`} still learning what is normal.`;
  return [h("h1", {}, "Overview"), h("p", { class: "verdict" }, says)];
}

function drawTile(status) {
  const { application, readings, state } = status;
  const change = readings.change;
  const uncovered = change?.uncovered ?? readings.gap?.uncovered;
  return h(
    "a",
    { class: "tile", href: `#/app/${encodeURIComponent(application)}`, data: { state } },
    h("div", { class: "tile-head" }, h("h2", {}, application), pill(state)),
    h("p", { class: "says" }, verdict(status)),
    change?.state === "learning" ? progress(change) : spark(status.points),
    h(
      "div",
      { class: "meta" },
      uncovered && h("span", {}, `${percent(uncovered.share)} uncovered`),
      h("span", {}, age(status.updated_at, status.stale ? "silent for " : "measured ", status.stale ? "" : " ago")),
    ),
  );
}

export function progress(reading) {
  const share = Math.min(1, Math.max(0, reading.progress ?? 0));
  const label = { role: "progressbar", "aria-label": "Baseline learned", "aria-valuenow": Math.round(share * 100) };
  return h("div", { class: "progress", ...label }, h("i", { width: `${share * 100}%` }));
}
