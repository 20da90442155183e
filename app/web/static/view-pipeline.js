// Does the pipeline live?

import { Part, h } from "./dom.js";
import { model } from "./model.js";
import { heading, table } from "./panel.js";
import { link, workerTable } from "./panels-record.js";
import { age, monitorName, pill, placesOf } from "./words.js";

export const view = {
  path: /^\/pipeline$/,
  title: "Pipeline",
  order: 4,
  menu: { href: "#/pipeline", word: "Pipeline" },
  open(host) {
    const workers = new Part(h("div", {}), workerTable);
    const fresh = new Part(h("div", {}), drawFreshness);
    const says = "Workers that reported within the last half minute, and how fresh each measurement is.";
    const card = (title, part) => h("section", { class: "card" }, heading(title), part.host);
    host.append(
      h("div", { class: "title" }, h("h1", {}, "Pipeline"), h("p", { class: "verdict" }, says)),
      h("div", { class: "grid" }, card("Workers", workers), card("Freshness", fresh)),
    );
    return {
      update() {
        workers.update(model.workers);
        fresh.update([...model.statuses.values()].flatMap(freshnessOf));
      },
    };
  },
};

const freshnessOf = (status) =>
  placesOf(status).map((place) => ({
    application: status.application,
    place,
    state: status.stale ? null : status.readings[place].state,
    written: status.written_at[place],
  }));

function drawFreshness(list) {
  if (!list.length) return h("p", { class: "empty" }, "No application has been measured yet.");
  const rows = list.map(({ application, place, state, written }) => [
    link(application),
    monitorName(place),
    state === null ? pill("unknown", "Silent") : pill(state),
    age(written),
  ]);
  return table("Freshness", ["Application", "Monitor", "State", "Measured"], rows);
}
