// One application: what is wrong, since when, what moved, and on what evidence.

import { Part, h } from "./dom.js";
import { applicationLink, partsOf, rangeLink, rangeOf } from "./links.js";
import { answer, changed, model, now, series } from "./model.js";
import { CHART_PANELS } from "./panels-charts.js";
import { MONITOR_PANELS, SEGMENT_PANELS } from "./panels-monitors.js";
import { RANGE_PANELS } from "./panels-range.js";
import { RECORD_PANELS } from "./panels-record.js";
import { READING_PANELS, STATE_PANELS } from "./panels-state.js";
import { WHY_PANELS } from "./panels-why.js";
import { age, pill, placesOf, verdict } from "./words.js";

const PANELS = [
  ...STATE_PANELS,
  ...MONITOR_PANELS,
  ...READING_PANELS,
  ...CHART_PANELS,
  ...WHY_PANELS,
  ...SEGMENT_PANELS,
  ...RANGE_PANELS,
  ...RECORD_PANELS,
];

export const view = {
  path: /^\/app\/(.+)$/,
  title: "Application",
  order: 9,
  open(host, [application], query) {
    const title = new Part(h("div", { class: "title" }), drawTitle);
    const chosen = new Part(h("p", { class: "chosen" }), drawChosen);
    const grid = h("div", { class: "grid" });
    const parts = PANELS.map((panel) => panel.open(grid));
    host.append(h("p", {}, h("a", { class: "back", href: "#/" }, "← Overview")), title.host, chosen.host, grid);
    let asked = query;
    // A zoom is kept in the address, so that a copied address shows the same.
    const zoom = (range) => {
      if (!range) return;
      const place = asked.get("monitor") ?? placesOf(model.statuses.get(application))[0];
      const address = rangeLink(application, place, { ...rangeOf(asked), ...range });
      history.replaceState(null, "", address);
      asked = new URLSearchParams(address.split("?")[1]);
      changed();
    };
    return {
      requery: (fresh) => (asked = fresh),
      update() {
        const status = model.statuses.get(application);
        title.update(status ? titleOf(status) : { application, loaded: model.loaded });
        grid.hidden = !status;
        if (!status) return;
        const known = { ...knownOf(status, asked), zoom };
        chosen.update(known.linked.from || known.linked.to ? { application, place: known.place } : null);
        for (const part of parts) part.update(known);
      },
      recolor: () => parts.forEach((part) => part.recolor?.()),
      close: () => parts.forEach((part) => part.close?.()),
    };
  },
};

function knownOf(status, query) {
  const { application } = status;
  const place = query.get("monitor") ?? placesOf(status)[0] ?? "change";
  const path = `v1/deployments?application=${encodeURIComponent(application)}&limit=50`;
  const linked = rangeOf(query);
  return {
    application,
    status,
    place,
    ...partsOf(place),
    reading: status.readings[place] ?? null,
    incidents: status.incidents,
    alerts: model.alerts.filter((alert) => alert.application === application),
    deployments: answer(path, ["deployment"])?.deployments ?? [],
    points: series(application, place),
    workers: model.workers,
    linked,
    range: linked.from || linked.to ? linked : null,
    now: now(),
  };
}

const titleOf = (status) => ({
  application: status.application,
  state: status.state,
  why: status.why,
  stale: status.stale,
  updated_at: status.updated_at,
  baseline: status.readings.change?.reference,
  evalset: status.readings.gap?.evalset,
  verdict: status.incidents.length || status.state === "learning" ? null : verdict(status),
});

function drawTitle({ application, state, stale, updated_at, baseline, evalset, verdict: says, loaded }) {
  const name = h("h1", {}, application);
  if (!state) {
    const text = loaded ? "Nothing is known of this application. It appears with its first reading." : "Loading…";
    return [name, h("p", { class: "verdict" }, text)];
  }
  return [
    h("div", { class: "title-line" }, name, pill(state)),
    says && h("p", { class: "verdict" }, says),
    h(
      "p",
      { class: "meta" },
      h("span", {}, age(updated_at, stale ? "silent for " : "measured ", stale ? "" : " ago")),
      baseline && h("span", {}, "baseline ", h("code", {}, baseline)),
      evalset && h("span", {}, "eval set ", h("code", {}, evalset)),
    ),
  ];
}

function drawChosen({ application, place }) {
  const whole = `${applicationLink(application)}?monitor=${encodeURIComponent(place)}`;
  return ["You see a chosen range of time. ", h("a", { href: whole }, "Show all of it")];
}
