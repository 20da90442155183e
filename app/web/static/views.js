// The views.  To add one: write its file and name it here.
//
// A view is { path, title, menu, open(host, params) -> { update(), close() } }; `path` is matched against
// the address behind "#", `params` are its groups, `menu` is its word in the header (none: not there).

import { alertsView } from "./view-alerts.js";
import { applicationView } from "./view-application.js";
import { overviewView } from "./view-overview.js";
import { pipelineView } from "./view-pipeline.js";

export const VIEWS = [overviewView, alertsView, pipelineView, applicationView];

export function find(hash) {
  const path = hash.replace(/^#/, "") || "/";
  for (const view of VIEWS) {
    const match = view.path.exec(path);
    if (match) return { view, params: match.slice(1).map(decode) };
  }
  return { view: overviewView, params: [] };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % in an address typed by hand
  }
}
