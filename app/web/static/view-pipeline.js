// Does the pipeline live?

import { Part, h } from "./dom.js";
import { model } from "./model.js";
import { heading } from "./panel.js";
import { link, table, workerTable } from "./panels-record.js";
import { age, pill } from "./words.js";

export const pipelineView = {
  path: /^\/pipeline$/,
  title: "Pipeline",
  menu: { href: "#/pipeline", word: "Pipeline" },
  open(host) {
    const workers = new Part(h("div", {}), workerTable);
    const fresh = new Part(h("div", {}), drawFreshness);
    const says = "Workers that reported within the last half minute, and how fresh each application is.";
    const card = (title, part) => h("section", { class: "card" }, heading(title), part.host);
    host.append(
      h("div", { class: "title" }, h("h1", {}, "Pipeline"), h("p", { class: "verdict" }, says)),
      h("div", { class: "grid" }, card("Workers", workers), card("Freshness", fresh)),
    );
    return {
      update() {
        workers.update(model.workers);
        fresh.update([...model.statuses.values()].map(freshnessOf));
      },
    };
  },
};

const freshnessOf = ({ application, state, stale, written_at }) => ({ application, state, stale, written_at });

function drawFreshness(list) {
  if (!list.length) return h("p", { class: "empty" }, "No application has been measured yet.");
  const rows = list.map(({ application, state, stale, written_at }) => [
    link(application),
    stale ? pill("unknown", "Silent") : pill(state),
    age(written_at.change),
    age(written_at.gap),
  ]);
  return table("Freshness", ["Application", "State", "Change measured", "Gap measured"], rows);
}
