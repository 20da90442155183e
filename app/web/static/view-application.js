// One application: what is wrong, since when, what moved, and on what evidence.

import { Part, h } from "./dom.js";
import { loadSeries, model, now, series } from "./model.js";
import { CHART_PANELS } from "./panels-charts.js";
import { RECORD_PANELS } from "./panels-record.js";
import { STATE_PANELS } from "./panels-state.js";
import { WHY_PANELS } from "./panels-why.js";
import { age, pill, verdict } from "./words.js";

const PANELS = [...STATE_PANELS, ...CHART_PANELS, ...WHY_PANELS, ...RECORD_PANELS];

export const applicationView = {
  path: /^\/app\/(.+)$/,
  title: "Application",
  open(host, [application]) {
    const title = new Part(h("div", { class: "title" }), drawTitle);
    const grid = h("div", { class: "grid" });
    const parts = PANELS.map((panel) => panel.open(grid));
    host.append(h("p", {}, h("a", { class: "back", href: "#/" }, "← Overview")), title.host, grid);
    let asked = false;
    return {
      update() {
        const status = model.statuses.get(application);
        title.update(status ? titleOf(status) : { application, loaded: model.loaded });
        grid.hidden = !status;
        if (!status) return;
        if (!asked) for (const monitor of ["change", "gap"]) loadSeries(application, monitor);
        asked = true;
        const alerts = model.alerts.filter((alert) => alert.application === application);
        const lines = { change: series(application, "change"), gap: series(application, "gap") };
        const known = { status, alerts, series: lines, workers: model.workers, now: now() };
        for (const part of parts) part.update(known);
      },
      recolor: () => parts.forEach((part) => part.recolor?.()),
      close: () => parts.forEach((part) => part.close?.()),
    };
  },
};

const titleOf = (status) => ({
  application: status.application,
  state: status.state,
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
