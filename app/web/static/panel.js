// A card of a view: nothing to say, no card.

import { Part, h } from "./dom.js";

// select(known) -> what the card shows, or null; draw(input) -> its content
export function card({ title, note, size = "", select, draw, bare = false }) {
  return {
    open(grid) {
      const body = h("div", {});
      const host = h("section", { class: `card ${size}`, hidden: true, "aria-label": title });
      host.append(...(bare ? [] : [heading(title, note)]), body);
      grid.append(host);
      const part = new Part(body, draw);
      return {
        update(known) {
          const input = select(known);
          host.hidden = input === null;
          part.update(input);
        },
      };
    },
  };
}

// Whole cards, several or none.
export function plainPart(select, draw) {
  return {
    open(grid) {
      const host = h("div", { class: "grid whole", hidden: true });
      grid.append(host);
      const part = new Part(host, draw);
      return { update: (known) => part.update(select(known)) };
    },
  };
}

export function heading(title, note) {
  return h("header", {}, h("h2", {}, title), note && h("p", {}, note));
}

export function definitions(pairs) {
  const known = pairs.filter(Boolean);
  return h("dl", { class: "pairs" }, known.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

export function fact(term, value, small) {
  const [big, words] = [h("dd", { class: "big" }, value), h("dd", { class: "small" }, small)];
  return h("div", { class: "fact" }, h("dt", {}, term), big, words);
}

// A table that becomes a list on a narrow screen.
export function table(label, names, rows) {
  const head = names.map((name) => h("th", { scope: "col" }, name));
  const cells = (row) => row.map((cell, i) => h("td", { data: { label: names[i] } }, cell));
  const body = rows.map((row) => h("tr", {}, cells(row)));
  const whole = h("table", { class: "stack" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, whole);
}
