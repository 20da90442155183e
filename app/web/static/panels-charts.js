// Time lines.  plotly is big, so it is fetched when the first one is wanted.

import { draw, scoreFigure, uncoveredFigure } from "./charts.js";
import { h } from "./dom.js";
import { clock, number, percent } from "./format.js";
import { heading } from "./panel.js";

const ROWS = 24;
let library = null;

function plotly() {
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
    note: "Over event time. Shaded: an incident was open. Dotted: the change began.",
    figure: scoreFigure,
    wanted: (point) => point.value !== null,
    columns: [["Drift score", (p) => number(p.value)], ["Threshold", (p) => number(p.threshold)]],
    size: "two-thirds",
  }),
  chart({
    title: "Uncovered share",
    note: "Units unlike anything in the reference.",
    figure: uncoveredFigure,
    wanted: (point) => point.uncovered !== null,
    columns: [["Uncovered", (p) => percent(p.uncovered)]],
    size: "third",
  }),
];

function chart({ title, note, figure, wanted, columns, size }) {
  return {
    open(grid) {
      const plot = h("div", { class: "plot", role: "img", "aria-label": title });
      const table = h("details", { class: "as-table" }, h("summary", {}, "As a table"));
      const host = h("section", { class: `card ${size}`, hidden: true, "aria-label": title });
      host.append(heading(title, note), plot, table);
      grid.append(host);
      let shown = "";
      let input = null;
      const show = () => host.isConnected && !host.hidden && draw(plot, figure(input));
      const redraw = () => plotly().then(show, () => {});
      table.addEventListener("toggle", () => table.open && fillTable(table, input.points, columns));
      return {
        update(known) {
          const points = known.series.change;
          host.hidden = points.filter(wanted).length < 2;
          if (host.hidden) return;
          input = { points, spans: spans(known.alerts), marks: marks(known.alerts, points) };
          const key = JSON.stringify([points.length, points.at(-1), input.spans, input.marks]);
          if (key === shown) return;
          shown = key;
          redraw();
          if (table.open) fillTable(table, points, columns);
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

function marks(alerts, points) {
  const first = points[0].time * 1000;
  const onsets = alerts.filter((alert) => alert.onset_at).map((alert) => Date.parse(alert.onset_at));
  return [...new Set(onsets)].filter((time) => time >= first).slice(0, 3).map((time) => ({ time, text: "onset" }));
}

function fillTable(table, points, columns) {
  const when = (point) => clock(new Date(point.time * 1000).toISOString());
  const cells = (point) => columns.map(([, show]) => h("td", {}, show(point)));
  const row = (point) => h("tr", {}, h("td", { class: "when" }, when(point)), cells(point));
  const head = ["Event time", ...columns.map(([name]) => name)].map((name) => h("th", { scope: "col" }, name));
  const rows = points.slice(-ROWS).reverse().map(row);
  const whole = h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
  table.replaceChildren(h("summary", {}, "As a table"), whole);
}
