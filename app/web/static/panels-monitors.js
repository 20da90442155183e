// Which monitors there are, as links: each is shown in the same way, also those that this page never heard of.

import { h } from "./dom.js";
import { number, percent } from "./format.js";
import { partsOf, rangeLink } from "./links.js";
import { card, plainPart, table } from "./panel.js";
import { age, monitorName, pill, placesOf } from "./words.js";

export const MONITOR_PANELS = [plainPart(tabs, drawTabs)];

export const SEGMENT_PANELS = [
  card({
    title: "Segments",
    note: "The same monitor, on parts of the traffic.",
    select: segments,
    draw: drawSegments,
  }),
];

function tabs({ application, place, status }) {
  const whole = placesOf(status).filter((each) => !partsOf(each).segment || each === place);
  if (whole.length < 2) return null;
  return { application, place, states: whole.map((each) => [each, status.readings[each].state]) };
}

function drawTabs({ application, place, states }) {
  const tab = ([each, state]) =>
    h(
      "a",
      { href: rangeLink(application, each), data: { state }, "aria-current": each === place ? "true" : null },
      monitorName(each),
      h("span", { class: "unseen" }, ` (${state})`),
      h("span", { class: "dot", title: state }),
    );
  return h("nav", { class: "tabs", "aria-label": "Monitors" }, states.map(tab));
}

function segments({ application, monitor, status }) {
  const found = placesOf(status).filter((each) => partsOf(each).segment && partsOf(each).monitor === monitor);
  if (!found.length) return null;
  const row = (each) => [each, { ...status.readings[each], clusters: null }, status.written_at[each]];
  return { application, rows: found.map(row) };
}

function drawSegments({ application, rows }) {
  const cells = ([place, reading, written]) => [
    h("a", { href: rangeLink(application, place) }, partsOf(place).segment),
    pill(reading.state),
    number(reading.value),
    number(reading.threshold),
    percent(reading.uncovered?.share),
    String(reading.units ?? 0),
    age(written),
  ];
  const names = ["Segment", "State", "Score", "Threshold", "Uncovered", "Units", "Measured"];
  return table("Segments", names, rows.map(cells));
}
