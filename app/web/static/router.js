// From the address behind "#" to a view.  Views are the files view-*.js; the server lists them (views.js).
//
// A view is { path, title, order, menu, open(host, params, query) -> { update(), requery(query), close() } }:
// `path` is matched against the address, `params` are its groups, `query` is what follows "?"; `menu` is its
// word in the header (none: not there), `order` its place in it.

import { VIEWS } from "./views.js";

export { VIEWS };

export function find(hash) {
  const [path, query = ""] = (hash.replace(/^#/, "") || "/").split("?", 2);
  for (const view of VIEWS) {
    const match = view.path.exec(path);
    if (match) return { view, path, params: match.slice(1).map(decode), query: new URLSearchParams(query) };
  }
  return { view: VIEWS[0], path: "/", params: [], query: new URLSearchParams() };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % in an address typed by hand
  }
}
