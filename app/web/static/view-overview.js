// One tile per application, the troubled ones first.

import { Part, h } from "./dom.js";
import { percent, plural } from "./format.js";
import { applicationLink } from "./links.js";
import { answer, model, series } from "./model.js";
import { spark } from "./spark.js";
import { ORDER, age, pill, placesOf, verdict } from "./words.js";

const SPARK_POINTS = 300;

export const view = {
  path: /^\/$/,
  title: "Overview",
  order: 1,
  menu: { href: "#/", word: "Overview" },
  open(host) {
    const head = new Part(h("div", { class: "title" }), drawHead);
    const tiles = new Part(h("div", { class: "tiles" }), (list) => list.map(drawTile));
    host.append(head.host, tiles.host);
    return {
      update() {
        const statuses = [...model.statuses.values()].sort(byTrouble);
        head.update({ loaded: model.loaded, states: statuses.map((status) => status.state) });
        const deployments = answer("v1/deployments?limit=500", ["deployment"])?.deployments ?? [];
        tiles.update(statuses.map((status) => tileOf(status, deployments)));
      },
    };
  },
};

const byTrouble = (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.application.localeCompare(b.application);

function tileOf(status, deployments) {
  const place = placesOf(status)[0] ?? "change";
  const points = series(status.application, place).slice(-SPARK_POINTS);
  const deployment = deployments.find((each) => each.application === status.application);
  return { ...status, place, points, deployment };
}

function drawHead({ loaded, states }) {
  if (!loaded) return h("p", { class: "quiet" }, "Loading…");
  const troubled = states.filter((state) => state === "critical" || state === "warning").length;
  const [learning, unknown] = ["learning", "unknown"].map((wanted) => states.filter((s) => s === wanted).length);
  const all = plural(states.length, "application");
  let says = "";
  if (!states.length) says = "No application has been measured yet. The first appears with its first reading.";
  else if (troubled) says = `${troubled} of ${all} ${troubled === 1 ? "needs" : "need"} a look.`;
  else says = `Nothing needs a look in ${all}.`;
  if (unknown) says += ` Of ${unknown === 1 ? "one" : unknown} nothing can be said.`;
  if (learning) says += ` ${learning === 1 ? "One is" : `${learning} are`} still learning what is normal.`;
  return [h("h1", {}, "Overview"), h("p", { class: "verdict" }, says)];
}

function drawTile(status) {
  const { application, deployment, readings, state } = status;
  const uncovered = readings.change?.uncovered ?? readings.gap?.uncovered;
  const said = readings[status.place];
  return h(
    "a",
    { class: "tile", href: applicationLink(application), data: { state } },
    h("div", { class: "tile-head" }, h("h2", {}, application), pill(state)),
    h("p", { class: "says" }, verdict(status)),
    said?.state === "learning" ? progress(said) : spark(status.points),
    h(
      "div",
      { class: "meta" },
      uncovered && h("span", {}, `${percent(uncovered.share)} uncovered`),
      deployment && h("span", {}, `released ${deployment.deployment_id} `, age(deployment.time)),
      h("span", {}, age(status.updated_at, status.stale ? "silent for " : "measured ", status.stale ? "" : " ago")),
    ),
  );
}

export function progress(reading) {
  const share = Math.min(1, Math.max(0, reading.progress ?? 0));
  const label = { role: "progressbar", "aria-label": "Baseline learned", "aria-valuenow": Math.round(share * 100) };
  return h("div", { class: "progress", ...label }, h("i", { width: `${share * 100}%` }));
}
