// A card of the application view: nothing to say, no card.

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

export function heading(title, note) {
  return h("header", {}, h("h2", {}, title), note && h("p", {}, note));
}
