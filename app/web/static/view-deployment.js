// What changed after one deployment: users, curves, clusters, form, coverage, outcomes.

import { Part, h } from "./dom.js";
import { capital } from "./format.js";
import { applicationLink } from "./links.js";
import { answer } from "./model.js";
import { ADAPTATION_PANELS } from "./panels-adaptation.js";
import { OUTCOME_PANELS } from "./panels-outcomes.js";
import { QUALITY_PANELS } from "./panels-quality.js";
import { SINCE_PANELS } from "./panels-since.js";
import { WHY_PANELS } from "./panels-why.js";
import { alertTable, deploymentTable } from "./panels-record.js";
import { card } from "./panel.js";
import { TONES, statusOf } from "./view-deployments.js";
import { pill, time } from "./words.js";

const SEEN = "Nobody told of it: it was first seen in traffic.";
const ABOUT = ["deployment", "series", "alert"];

const CARDS = [
  card({
    title: "Incidents after it",
    note: "Those that name it as the deployment before them: what came before, not what caused it.",
    select: ({ pack }) => (pack.incidents.length ? pack.incidents : null),
    draw: (alerts) => alertTable(alerts),
  }),
  card({
    title: "What was told of it",
    select: ({ pack }) => (pack.told.length ? [...pack.told].reverse() : null),
    draw: deploymentTable,
  }),
];

export const view = {
  path: /^\/deployment\/([^/]+)\/(.+)$/,
  title: "Deployment",
  order: 9,
  open(host, [application, deployment]) {
    const title = new Part(h("div", { class: "title" }), drawTitle);
    const grid = h("div", { class: "grid" });
    const placed = (panels) => panels.map((panel) => panel.open(grid));
    const own = placed([...ADAPTATION_PANELS, ...OUTCOME_PANELS, ...QUALITY_PANELS, ...SINCE_PANELS]);
    const [moved, gap, rest] = [WHY_PANELS, WHY_PANELS, CARDS].map(placed);
    const parts = [...own, ...moved, ...gap, ...rest];
    const path = `v1/deployments/${encodeURIComponent(application)}/${encodeURIComponent(deployment)}`;
    host.append(h("p", {}, h("a", { class: "back", href: "#/deployments" }, "← Deployments")), title.host, grid);
    return {
      update() {
        const pack = answer(path, ABOUT);
        title.update({ application, deployment, gone: pack === null, pack: pack ? headOf(pack) : null });
        grid.hidden = !pack;
        if (!pack) return;
        for (const part of [...own, ...rest]) part.update({ pack });
        for (const part of moved) part.update(movedIn(pack));
        for (const part of gap) part.update(gapIn(pack));
      },
      recolor: () => parts.forEach((part) => part.recolor?.()),
      close: () => parts.forEach((part) => part.close?.()),
    };
  },
};

const headOf = ({ told, time: at }) => ({ told, at });

// What moved is what the incident after it says, else the latest reading of the change monitor.
const movedIn = ({ incidents, readings }) => ({
  monitor: "change",
  place: "change",
  evidence: incidents.find(({ monitor }) => monitor === "change"),
  reading: readings.change,
});

const gapIn = ({ readings }) => ({ monitor: "gap", place: "gap", reading: { clusters: readings.gap?.clusters, scarce: readings.gap?.scarce } });

function drawTitle({ application, deployment, gone, pack }) {
  const name = h("h1", {}, `What changed after ${deployment}`);
  if (!pack) {
    const text = gone ? "Nothing is known of this deployment. It may be too old, or not told of." : "Loading…";
    return [name, h("p", { class: "verdict" }, text)];
  }
  const status = statusOf([...pack.told].reverse());
  const { kind, variant, traffic_percent: traffic, summary } = pack.told.at(-1) ?? {};
  return [
    h("div", { class: "title-line" }, name, pill(TONES[status], capital(status.replace("_", " ")))),
    h("p", { class: "verdict" }, summary ?? (status === "observed" ? SEEN : "")),
    h(
      "p",
      { class: "meta" },
      h("a", { href: applicationLink(application) }, application),
      h("span", {}, "since ", time(new Date(pack.at * 1000).toISOString())),
      kind && status !== "observed" && h("span", {}, kind),
      variant && h("span", {}, `variant ${variant}`),
      traffic != null && h("span", {}, `${traffic} % of traffic`),
    ),
  ];
}
