// The monitors that see an incident.

import { DASH, number, percent } from "./format.js";
import { placeOf } from "./links.js";
import { table } from "./panel.js";
import { monitorName, pill, time } from "./words.js";

export function drawMembers(members) {
  const rows = members.map((member) => [
    monitorName(placeOf(member)),
    pill(member.state),
    time(member.onset_at ?? member.detected_at),
    member.channel ?? DASH,
    number(member.value),
    number(member.threshold),
    percent(member.uncovered?.share),
  ]);
  const names = ["Monitor", "State", "Began about", "Fired by", "Score", "Threshold", "Uncovered"];
  return table("Members", names, rows);
}
