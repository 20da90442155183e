// What exactly was counted, and a link that says it again.

import { h } from "./dom.js";
import { clock, count } from "./format.js";
import { countedRange, rangeLink } from "./links.js";
import { card, definitions, table } from "./panel.js";

const exact = (milliseconds) => {
  if (!milliseconds) return "open";
  const iso = new Date(milliseconds).toISOString();
  return h("time", { datetime: iso, title: clock(iso) }, iso.replace("T", " ").replace("Z", " UTC"));
};

export const RANGE_PANELS = [
  card({
    title: "What is counted",
    note: "Prompts of this application in these offsets, first and last included, with an event time from Start until just before End.",
    select: select,
    draw: drawRange,
  }),
];

// The range of the link that was followed, else that of the latest reading.
function select({ application, place, reading, linked }) {
  const asked = linked.offsets.length > 0;
  const range = asked ? linked : reading && countedRange(reading);
  if (!range?.offsets.length) return null;
  return { application, place, range, units: asked ? null : reading.units, asked };
}

function drawRange({ application, place, range, units, asked }) {
  const link = rangeLink(application, place, range);
  const rows = range.offsets.map(({ partition, first, last, start, end }) => [
    ...[partition, first, last].map(String),
    exact(start == null ? range.from : start * 1000),
    exact(end == null ? range.to : end * 1000),
  ]);
  const pairs = [
    ["Application", application],
    ["Monitor", place],
    ["From", exact(range.from)],
    ["To", exact(range.to)],
    units && ["Units", count(units)],
    ["This range", h("a", { href: link }, asked ? "is the one of this link" : "as a link")],
  ];
  return [definitions(pairs), table("Offsets", ["Partition", "First offset", "Last offset", "Start", "End"], rows)];
}
