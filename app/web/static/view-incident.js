// One incident with everything that it rests on; its address is the one to hand to a colleague.

import { Part, h } from "./dom.js";
import { capital } from "./format.js";
import { countedRange, partsOf, placeOf } from "./links.js";
import { answer, series } from "./model.js";
import { card, definitions } from "./panel.js";
import { answering } from "./panels-answer.js";
import { CHART_PANELS } from "./panels-charts.js";
import { MAP_PANELS } from "./panels-map.js";
import { RANGE_PANELS } from "./panels-range.js";
import { alertTable, deliveryTable, deploymentTable, link } from "./panels-record.js";
import { incidentPairs } from "./panels-state.js";
import { WHY_PANELS } from "./panels-why.js";
import { drawMembers } from "./panels-members.js";
import { adviceOf, drawAdvice } from "./panels-todo.js";
import { age, pill, time } from "./words.js";

const PANELS = [
  ...CHART_PANELS,
  ...WHY_PANELS,
  ...MAP_PANELS,
  card({
    title: "Who sees it",
    note: "Monitors and segments that this incident rests on, the root first.",
    select: ({ evidence }) => (evidence.members?.length ? evidence.members : null),
    draw: drawMembers,
  }),
  card({ title: "What to do", select: ({ pack }) => adviceOf(pack.latest), draw: drawAdvice }),
  ...RANGE_PANELS,
  card({
    title: "How it went",
    select: ({ alerts }) => alerts,
    draw: (alerts) => alertTable(alerts),
  }),
  card({
    title: "Who was told",
    select: ({ pack }) => pack.deliveries,
    draw: deliveryTable,
  }),
  card({
    title: "Deployment before it",
    select: ({ pack }) => (pack.deployment ? [pack.deployment] : null),
    draw: deploymentTable,
  }),
];

export const view = {
  path: /^\/incident\/(.+)$/,
  title: "Incident",
  order: 9,
  open(host, [incident]) {
    const title = new Part(h("div", { class: "title" }), drawTitle);
    const grid = h("div", { class: "grid" });
    const parts = PANELS.map((panel) => panel.open(grid));
    const answers = h("div", { class: "answers", hidden: true });
    const asked = answering(answers);
    host.append(h("p", {}, h("a", { class: "back", href: "#/alerts" }, "← Alerts")), title.host, answers, grid);
    return {
      update() {
        const pack = answer(`v1/incidents/${encodeURIComponent(incident)}`, ["alert", "delivery", "series"]);
        title.update({ incident, latest: pack?.latest ?? null, gone: pack === null });
        asked.update(pack?.latest ?? null);
        grid.hidden = !pack;
        if (pack) for (const part of parts) part.update(knownOf(pack));
      },
      recolor: () => parts.forEach((part) => part.recolor?.()),
      close: () => parts.forEach((part) => part.close?.()),
    };
  },
};

// The evidence is that of the transition that says most: a resolved one says that nothing moves any more.
function knownOf(pack) {
  const evidence = pack.transitions.findLast((alert) => alert.state === "firing") ?? pack.latest;
  const { application } = pack.latest;
  const place = placeOf(pack.latest);
  const around = pack.around[place] ?? [];
  const fresh = pack.latest.state === "firing" ? series(application, place) : [];
  const points = [...around, ...fresh.filter((point) => !(point.time <= around.at(-1)?.time))];
  return {
    application,
    place,
    ...partsOf(place),
    pack,
    evidence,
    reading: evidence,
    alerts: [...pack.transitions].reverse(),
    deployments: pack.deployment ? [pack.deployment] : [],
    points,
    linked: countedRange(evidence),
  };
}

function drawTitle({ incident, latest, gone }) {
  if (!latest) {
    const text = gone ? "Nothing is kept of this incident. It may be too old." : "Loading…";
    return [h("h1", {}, "Incident"), h("p", { class: "verdict" }, text), h("p", { class: "meta" }, h("code", {}, incident))];
  }
  const open = latest.state === "firing";
  const kind = open ? [`${capital(latest.severity)}, `, age(latest.detected_at, "open for ", "")] : ["Over since ", time(latest.ended_at)];
  return [
    h("div", { class: "title-line" }, h("h1", {}, "Incident"), pill(open ? latest.severity : "resolved")),
    h("p", { class: "verdict" }, latest.summary),
    h("p", { class: "meta" }, link(latest.application), h("span", {}, kind), h("code", {}, incident)),
    definitions(incidentPairs(latest)),
  ];
}
