// Addresses of this page.  A link to a range names everything that was counted: application, monitor,
// event time and offsets, so that who opens it sees the same.

export const applicationLink = (application) =>
  application === "*" ? "#/pipeline" : `#/app/${encodeURIComponent(application)}`;

export const incidentLink = (incident) => `#/incident/${encodeURIComponent(incident)}`;

export const deploymentLink = (application, deployment) =>
  `#/deployment/${encodeURIComponent(application)}/${encodeURIComponent(deployment)}`;

// range: { from, to } in epoch milliseconds, { offsets } as in a reading; all of it may be absent
export function rangeLink(application, place, range = {}) {
  const query = new URLSearchParams({ monitor: place });
  if (range.from) query.set("from", new Date(range.from).toISOString());
  if (range.to) query.set("to", new Date(range.to).toISOString());
  if (range.offsets?.length) query.set("offsets", range.offsets.map(written).join("_"));
  return `${applicationLink(application)}?${query}`;
}

// PARTITION.FIRST.LAST, and the event times between which they count: ~START~END, epoch seconds
const written = ({ partition, first, last, start, end }) =>
  [`${partition}.${first}.${last}`, ...(start == null ? [] : [start, end])].join("~");

const LATEST = 8.64e12; // seconds that a Date can hold

function read(text) {
  const [places, ...times] = text.split("~");
  const parts = places.split(".").map(Number);
  if (parts.length !== 3 || !parts.every(Number.isSafeInteger)) return [];
  const [partition, first, last] = parts;
  const [start, end] = times.length === 2 ? times.map(Number) : [];
  const timed = [start, end].every((at) => Math.abs(at) < LATEST);
  return [timed ? { partition, first, last, start, end } : { partition, first, last }];
}

export function rangeOf(query) {
  const time = (name) => Date.parse(query.get(name) ?? "") || null;
  const offsets = (query.get("offsets") ?? "").split("_").flatMap(read);
  return { from: time("from"), to: time("to"), offsets };
}

// The range that a reading, or the alert made of it, counted.
export function countedRange(said) {
  const start = said.window_start ?? said.onset_at ?? said.started_at;
  const end = said.time ?? said.window_end ?? said.updated_at;
  return { from: start ? Date.parse(start) : null, to: end ? Date.parse(end) : null, offsets: said.offsets ?? [] };
}

export const placeOf = ({ monitor, segment }) => (segment ? `${monitor}[${segment}]` : monitor);

export function partsOf(place) {
  const match = /^([^[]+)\[(.*)\]$/s.exec(place);
  return match ? { monitor: match[1], segment: match[2] } : { monitor: place, segment: null };
}
