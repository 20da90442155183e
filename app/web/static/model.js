// What the browser knows, and how it learns more.  Views read it; only this module and live.js write it.

const KEPT = 2000;
const PATIENCE_MS = 10000; // no answer within it is none
export const PIPELINE = "*"; // not an application: the pipeline itself

export const model = {
  statuses: new Map(),
  pipeline: null, // its own status: one reading per condition
  workers: [],
  series: new Map(), // "application place" -> points, oldest first
  alerts: [],
  answers: new Map(), // path -> the last answer to it
  link: "connecting", // live | polling | offline
  heard: null, // when the server last answered
  skew: 0, // the server's clock minus ours, ms
  loaded: false,
};

export const now = () => Date.now() + model.skew;

const listeners = new Set();
let planned = false;

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function changed() {
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    for (const listener of listeners) listener();
  }, 30);
}

const tags = new Map();

// null when nothing is new.
async function get(path) {
  const headers = tags.has(path) ? { "If-None-Match": tags.get(path) } : {};
  const response = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (response.status === 401) location.reload();
  if (response.status !== 304 && !response.ok) throw Object.assign(new Error(path), { status: response.status });
  const date = Date.parse(response.headers.get("date"));
  if (Number.isFinite(date)) model.skew = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
  model.heard = Date.now();
  if (response.status === 304) return null;
  const body = await response.json(); // first: of half an answer with its tag the rest would never come
  if (response.headers.has("etag")) tags.set(path, response.headers.get("etag"));
  return body;
}

export async function loadAll() {
  const body = await get("v1/status");
  if (body) {
    model.statuses = new Map(body.applications.map((status) => [status.application, status]));
    model.pipeline = body.pipeline;
    model.workers = body.workers;
  }
  model.loaded = true;
  changed();
}

export async function loadAlerts() {
  model.alerts = (await get("v1/alerts?limit=300"))?.alerts ?? model.alerts;
  changed();
}

export async function loadStatus(application) {
  if (application === PIPELINE) return loadAll();
  const body = await get(`v1/status/${encodeURIComponent(application)}`);
  if (body) model.statuses.set(application, body);
  changed();
}

// What the open view needs beside the statuses: asked now, and again whenever something like it may have changed.
const wanted = new Map(); // path -> { about, take }

function want(path, about, take) {
  if (wanted.has(path)) return;
  wanted.set(path, { about, take });
  load(path);
}

async function load(path) {
  const { take } = wanted.get(path) ?? {};
  try {
    const body = await get(path);
    if (body) take?.(body);
  } catch (error) {
    if (error.status === 404) take?.(null);
  }
  changed();
}

export const forget = () => wanted.clear();

// about: "deployment", "delivery", "alert", ...; none: all of it
export const reload = (about) =>
  Promise.all([...wanted].filter(([, each]) => !about || each.about.includes(about)).map(([path]) => load(path)));

// The latest answer to a GET; undefined before the first, null where there is nothing.
export function answer(path, about) {
  want(path, about, (body) => model.answers.set(path, body));
  return model.answers.get(path);
}

const seriesKey = (application, place) => `${application} ${place}`;

export function series(application, place) {
  const path = `v1/series/${encodeURIComponent(application)}/${encodeURIComponent(place)}?limit=${KEPT}`;
  const key = seriesKey(application, place);
  want(path, ["series"], (body) => model.series.set(key, inOrder(body?.points ?? [])));
  return model.series.get(key) ?? [];
}

export function addPoint(application, place, point) {
  const key = seriesKey(application, place);
  if (!model.series.has(key)) return;
  model.series.set(key, inOrder([...model.series.get(key), point]).slice(-KEPT));
  changed();
}

// A store that was rebuilt may tell a time twice, or late: the last word counts.
function inOrder(points) {
  return [...new Map(points.map((point) => [point.time, point])).values()].sort((a, b) => a.time - b.time);
}
