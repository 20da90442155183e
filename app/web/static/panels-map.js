// A map of prompts: the reference's plane, what it held and what is said now, by cluster.

import { draw, mapFigure } from "./charts.js";
import { h } from "./dom.js";
import { plural } from "./format.js";
import { heading, table } from "./panel.js";
import { plotly } from "./panels-charts.js";

const KINDS = { change: "baseline", responses: "responses" };
const SHOWN = 6; // clusters with a colour of their own
const NOTE =
  "Each dot is one prompt on the plane in which the baseline varies most; the plane stays as it is. " +
  "What came in may differ from it in other directions than these.";

export const MAP_PANELS = [
  {
    open(grid) {
      const plot = h("div", { class: "plot map", role: "img", "aria-label": "Map of prompts" });
      const counts = h("details", { class: "as-table" });
      const host = h("section", { class: "card", hidden: true, "aria-label": "Map of prompts" });
      host.append(heading("Map of prompts", NOTE), plot, counts);
      grid.append(host);
      let input = null;
      let shown = "";
      const show = () => host.isConnected && !host.hidden && draw(plot, mapFigure(input));
      const redraw = () => plotly().then(show, () => {});
      return {
        update(known) {
          input = select(known);
          host.hidden = input === null;
          const key = JSON.stringify(input);
          if (!input || key === shown) return;
          shown = key;
          counts.replaceChildren(h("summary", {}, "As a table"), drawCounts(input));
          redraw();
        },
        recolor: () => host.hidden || redraw(),
        close: () => globalThis.Plotly?.purge(plot),
      };
    },
  },
];

function select({ evidence, monitor, pack }) {
  const reference = pack.references.find(({ kind }) => kind === KINDS[monitor]);
  if (!evidence.map?.length || !reference?.points?.length) return null;
  const groups = evidence.clusters.slice(0, SHOWN).map(({ name }, i) => ({ name, points: inCluster(evidence.map, i) }));
  const rest = evidence.map.filter(([, , cluster]) => cluster < 0 || cluster >= SHOWN);
  return { before: reference.points, groups: groups.filter(({ points }) => points.length), rest };
}

const inCluster = (points, number) => points.filter(([, , cluster]) => cluster === number);

function drawCounts({ before, groups, rest }) {
  const rows = [...groups.map(({ name, points }) => [name, points]), ["everything else, now", rest], ["baseline", before]];
  return table("Map of prompts", ["Which", "Dots"], rows.map(([name, points]) => [name, plural(points.length, "dot")]));
}
