// The charts of the page and of report.html.  Imports nothing: the report carries this file inside.

const FONT = '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif';
export const CONFIG = { displayModeBar: false, responsive: true, doubleClick: "reset", showTips: false };

const SYMBOLS = ["diamond", "square", "triangle-up", "cross", "star", "hexagon"];
const TICKS = {
  hoverformat: "%-d %b, %H:%M:%S",
  nticks: 6,
  tickangle: 0,
  tickformatstops: [
    { dtickrange: [null, 60000], value: "%H:%M:%S" },
    { dtickrange: [60000, 86400000], value: "%H:%M\n%-d %b" },
    { dtickrange: [86400000, null], value: "%-d %b" },
  ],
};

export function palette() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

// plotly reads a little HTML in texts of its own; ours are plain.
export const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");

// #rrggbb, almost transparent
const faint = (hex) => `${hex}22`;

// plotly draws times as written, so they are written in the reader's zone (or in UTC).
function stamp(milliseconds, utc) {
  const shift = utc ? 0 : new Date(milliseconds).getTimezoneOffset() * 60000;
  return new Date(milliseconds - shift).toISOString().slice(0, 23);
}

// What plotly says of a zoom, in epoch milliseconds; null for the whole.
export function zoomOf(event) {
  if (event["xaxis.autorange"]) return { from: null, to: null };
  const [from, to] = event["xaxis.range"] ?? [event["xaxis.range[0]"], event["xaxis.range[1]"]];
  if (!from || !to) return undefined;
  const time = (text) => Date.parse(String(text).replace(" ", "T")); // without a zone: the reader's
  return { from: time(from), to: time(to) };
}

export function layout(color, more) {
  const axis = {
    color: color("ink-3"),
    gridcolor: color("line-2"),
    zeroline: false,
    fixedrange: true,
    automargin: true,
  };
  const time = { type: "date", showgrid: false, linecolor: color("line"), fixedrange: false };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: FONT, size: 12, color: color("ink-3") },
    margin: { l: 44, r: 12, t: 18, b: 34 },
    showlegend: false,
    hovermode: "x unified",
    hoverlabel: {
      bgcolor: color("card"),
      bordercolor: color("line"),
      font: { color: color("ink"), family: FONT },
    },
    dragmode: "zoom",
    uirevision: "kept", // new points do not undo the reader's zoom
    ...more,
    xaxis: { ...axis, ...time, ...TICKS, ...more.xaxis },
    yaxis: { ...axis, rangemode: "tozero", ...more.yaxis },
  };
}

// range: { from, to } in epoch milliseconds, where the reader or a link chose one
function zoomed({ range, points, utc }) {
  if (!range?.from && !range?.to) return {};
  const from = range.from ?? (points[0]?.time ?? 0) * 1000;
  const to = range.to ?? (points.at(-1)?.time ?? 0) * 1000;
  return { xaxis: { range: [stamp(from, utc), stamp(to, utc)] }, uirevision: `${from} ${to}` };
}

// spans: [{start, end, severity}], marks: [{time, text, side}]; all times epoch milliseconds
function overlays(color, { spans = [], marks = [], utc, end }) {
  const shapes = spans.map((span) => ({
    type: "rect",
    layer: "below",
    yref: "paper",
    y0: 0,
    y1: 1,
    x0: stamp(span.start, utc),
    x1: stamp(span.end ?? end, utc),
    fillcolor: color(`${span.severity}-bg`),
    line: { width: 0 },
  }));
  const lines = marks.map((mark) => ({
    type: "line",
    yref: "paper",
    y0: 0,
    y1: 1,
    x0: stamp(mark.time, utc),
    x1: stamp(mark.time, utc),
    line: { color: color("ink-3"), width: 1, dash: "dot" },
  }));
  const annotations = marks.map((mark) => ({
    x: stamp(mark.time, utc),
    yref: "paper",
    y: 1,
    yanchor: "bottom",
    xanchor: mark.side ?? "center", // the side of its text that touches the line
    showarrow: false,
    text: plain(mark.text),
    font: { size: 11, color: color("ink-2") },
  }));
  return { shapes: [...shapes, ...lines], annotations };
}

// input: {points, spans, marks, utc}; points as in /v1/series
export function scoreFigure(input) {
  const color = palette();
  const { points, utc } = input;
  const x = points.map((point) => stamp(point.time * 1000, utc));
  const over = (point) => point.value !== null && point.threshold !== null && point.value >= point.threshold;
  const end = points.length ? points.at(-1).time * 1000 : 0;
  const extra = { ...overlays(color, { ...input, end }), ...zoomed(input) };
  const last = points.findLast((point) => point.threshold !== null);
  if (last)
    extra.annotations.push({
      xref: "paper",
      x: 0,
      xanchor: "left",
      y: last.threshold,
      yanchor: "bottom",
      showarrow: false,
      text: "threshold",
      font: { size: 11, color: color("critical") },
    });
  const run = { x, type: "scatter", mode: "lines", hovertemplate: "%{y:.2f}" };
  const threshold = {
    ...run,
    y: points.map((point) => point.threshold),
    name: "threshold",
    line: { color: color("critical"), width: 1.25, dash: "dash", shape: "hv" },
  };
  const score = {
    ...run,
    y: points.map((point) => point.value),
    name: input.label ?? "drift score",
    line: { color: color("accent"), width: 2 },
  };
  const above = {
    ...run,
    y: points.map((point) => (over(point) ? point.value : null)),
    name: "above",
    hoverinfo: "skip",
    hovertemplate: null,
    line: { color: color("critical"), width: 2.75 },
  };
  return { data: [threshold, score, above], layout: layout(color, { ...extra, yaxis: {} }) };
}

export function uncoveredFigure(input) {
  const color = palette();
  const { points, utc } = input;
  const end = points.length ? points.at(-1).time * 1000 : 0;
  const tolerance = input.tolerance ?? null;
  const top = Math.max(0.05, tolerance ?? 0, ...points.map((point) => point.uncovered ?? 0)) * 1.1;
  const limit = {
    x: points.map((point) => stamp(point.time * 1000, utc)),
    y: points.map(() => tolerance),
    type: "scatter",
    mode: "lines",
    name: "tolerance",
    line: { color: color("critical"), width: 1.25, dash: "dash" },
    hovertemplate: "%{y:.1%}",
  };
  const trace = {
    x: points.map((point) => stamp(point.time * 1000, utc)),
    y: points.map((point) => point.uncovered),
    type: "scatter",
    mode: "lines",
    name: "uncovered",
    fill: "tozeroy",
    fillcolor: faint(color("accent")),
    line: { color: color("accent"), width: 2 },
    hovertemplate: "%{y:.1%}",
  };
  const extra = { ...overlays(color, { ...input, marks: [], end }), ...zoomed(input) };
  const yaxis = { tickformat: ".2~%", nticks: 6, range: [0, top] };
  return { data: tolerance === null ? [trace] : [trace, limit], layout: layout(color, { ...extra, yaxis }) };
}

// before, rest: points; groups: [{name, points}]; a point is [x, y, ...]
export function mapFigure({ before, groups, rest }) {
  const color = palette();
  const dots = (points, name, marker) => ({
    type: "scatter",
    mode: "markers",
    x: points.map(([x]) => x),
    y: points.map(([, y]) => y),
    name: plain(name),
    hoverinfo: "name",
    marker: { size: 6, ...marker },
  });
  const own = (number) => ({ color: color(`group-${number + 1}`), symbol: SYMBOLS[number], size: 8 });
  const axis = { showgrid: false, showticklabels: false, rangemode: "normal", type: "linear", fixedrange: true };
  const data = [
    dots(before, "baseline", { color: color("before"), opacity: 0.8, size: 5 }),
    dots(rest, "now, everything else", { color: color("accent"), symbol: "circle-open" }),
    ...groups.map(({ name, points }, number) => dots(points, name, own(number))),
  ];
  const legend = { orientation: "h", x: 0, y: -0.02, yanchor: "top", font: { color: color("ink-2"), size: 12 } };
  const more = { showlegend: true, legend, hovermode: "closest", dragmode: false, margin: { l: 8, r: 8, t: 8, b: 8 } };
  return { data, layout: layout(color, { ...more, xaxis: axis, yaxis: axis }) };
}

export function draw(host, figure) {
  return globalThis.Plotly.react(host, figure.data, figure.layout, CONFIG);
}
