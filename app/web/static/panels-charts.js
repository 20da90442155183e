// Time lines.  plotly is big, so it is fetched when the first one is wanted.

import { draw, scoreFigure, uncoveredFigure, zoomOf } from "./charts.js";
import { h } from "./dom.js";
import { clock, number, percent } from "./format.js";
import { heading } from "./panel.js";

const ROWS = 24;
const MARKS = 12; // more would hide the line
let library = null;

export function plotly() {
  library ??= new Promise((resolve, reject) => {
    const script = h("script", { src: "static/plotly.min.js", on: { load: resolve, error: reject } });
    document.head.append(script);
  });
  library.catch(() => (library = null)); // asked for again with the next point
  return library;
}

export const CHART_PANELS = [
  chart({
    title: "Drift score against its threshold",
    note: "Over event time. Shaded: an incident was open. Dotted: onset and deployments. Drag to look closer.",
    figure: scoreFigure,
    wanted: (point) => point.value !== null,
    columns: [["Drift score", (p) => number(p.value)], ["Threshold", (p) => number(p.threshold)]],
    size: "two-thirds",
    here: ({ monitor }) => monitor !== "gap",
  }),
  chart({
    title: "Uncovered share",
    note: "Units unlike anything in the eval set.",
    figure: uncoveredFigure,
    wanted: (point) => point.uncovered !== null,
    columns: [["Uncovered", (p) => percent(p.uncovered)]],
    size: "third",
    here: ({ monitor }) => monitor !== "gap",
  }),
  chart({
    title: "Uncovered share against its tolerance",
    note: "Over event time: units unlike anything in the eval set. Shaded: an incident was open.",
    figure: (input) => uncoveredFigure({ ...input, tolerance: input.points.at(-1)?.threshold ?? null }),
    wanted: (point) => point.uncovered !== null,
    columns: [["Uncovered", (p) => percent(p.uncovered)], ["Tolerance", (p) => percent(p.threshold)]],
    size: "two-thirds",
    here: ({ monitor }) => monitor === "gap",
  }),
  chart({
    title: "Distance from the eval set",
    note: "Unbiased squared shift of the mean.",
    figure: (input) => scoreFigure({ ...input, points: input.points.map(untold), marks: [], label: "distance" }),
    wanted: (point) => point.value !== null,
    columns: [["Distance", (p) => number(p.value, 3)]],
    size: "third",
    here: ({ monitor }) => monitor === "gap",
  }),
];

const untold = (point) => ({ ...point, threshold: null });

export function chart({ title, note, figure, wanted, columns, size, here = () => true }) {
  return {
    open(grid) {
      const plot = h("div", { class: "plot", role: "img", "aria-label": title });
      const table = h("details", { class: "as-table" }, h("summary", {}, "As a table"));
      const host = h("section", { class: `card ${size}`, hidden: true, "aria-label": title });
      host.append(heading(title, note), plot, table);
      grid.append(host);
      let shown = "";
      let input = null;
      let onZoom = null;
      const show = async () => {
        if (!host.isConnected || host.hidden) return;
        await draw(plot, figure(input));
        if (!plot.dataset.listens) plot.on("plotly_relayout", (event) => onZoom?.(zoomOf(event)));
        plot.dataset.listens = "yes";
      };
      const redraw = () => plotly().then(show, () => {});
      table.addEventListener("toggle", () => table.open && fillTable(table, input, columns));
      return {
        update(known) {
          const { points, range } = known;
          host.hidden = !here(known) || points.filter(wanted).length < 2;
          if (host.hidden) return;
          onZoom = known.zoom;
          input = { points, range, spans: spans(known.alerts), marks: marks(known, points) };
          const key = JSON.stringify([points.length, points.at(-1), input.spans, input.marks, range, known.place]);
          if (key === shown) return;
          shown = key;
          redraw();
          if (table.open) fillTable(table, input, columns);
        },
        recolor: () => host.hidden || redraw(),
        close: () => globalThis.Plotly?.purge(plot),
      };
    },
  };
}

// Alerts are transitions, newest first: the latest of each incident knows its whole span.
function spans(alerts) {
  const latest = new Map();
  for (const alert of alerts) if (!latest.has(alert.incident)) latest.set(alert.incident, alert);
  return [...latest.values()].map((alert) => ({
    start: Date.parse(alert.detected_at),
    end: alert.state === "resolved" ? Date.parse(alert.ended_at ?? alert.updated_at) : null,
    severity: alert.severity,
  }));
}

function marks({ alerts, deployments = [] }, points) {
  const first = points[0].time * 1000;
  const latest = [...new Set(alerts.map((alert) => alert.onset_at).filter(Boolean))].slice(0, 3);
  const onsets = latest.map((onset) => ({ time: Date.parse(onset), text: "onset", side: "left" }));
  const released = deployments.map((each) => ({
    time: Date.parse(each.time),
    text: (each.status === "rolled_back" ? "undo " : "") + each.deployment_id.slice(0, 20),
    side: "right",
  }));
  return [...onsets, ...released].filter(({ time }) => time >= first).slice(0, MARKS);
}

function fillTable(table, { points, range }, columns) {
  const inside = points.filter(({ time }) => !(time * 1000 < range?.from) && !(range?.to && time * 1000 > range.to));
  const when = (point) => clock(new Date(point.time * 1000).toISOString());
  const cells = (point) => columns.map(([, show]) => h("td", {}, show(point)));
  const row = (point) => h("tr", {}, h("td", { class: "when" }, when(point)), cells(point));
  const head = ["Event time", ...columns.map(([name]) => name)].map((name) => h("th", { scope: "col" }, name));
  const rows = inside.slice(-ROWS).reverse().map(row);
  const whole = h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
  table.replaceChildren(h("summary", {}, "As a table"), whole);
}
