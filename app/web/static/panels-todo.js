// What somebody may do about an incident: what ends it by itself, and what makes its change normal.

import { h } from "./dom.js";

const command = (words, application) => h("code", {}, `promptdrift ${words} --application ${application}`);

const TESTED = (application) => ["Test your product on it first (", command("evalset build", application), ")"];
const RENEWED = (application) => ["then make it normal: ", command("baseline renew", application), "."];

const ADVICE = {
  change: (application) => [
    ["Nobody wants it?", ["Stop it at its source, or roll back: the incident ends by itself as traffic returns."]],
    ["It is wanted?", [...TESTED(application), ", ", ...RENEWED(application)]],
  ],
  responses: (application) => [
    ["Nobody wants it?", ["Roll back the model, the system prompt or what answers rest on: the incident ends by itself."]],
    ["It is wanted?", ["Look at the answers in the examples, ", ...RENEWED(application)]],
  ],
  gap: (application) => [
    ["People will go on asking it?", ["Let the eval set hold it: ", command("evalset build", application), ", review, approve, promote."]],
    ["It is noise?", ["Raise the tolerance of the gap, knowingly, in monitors as code."]],
  ],
};

export const adviceOf = (latest) => (latest.state === "firing" && ADVICE[latest.monitor] ? latest : null);

export function drawAdvice({ monitor, application }) {
  const pairs = ADVICE[monitor](application).map(([when, what]) => [h("dt", {}, when), h("dd", {}, what)]);
  return h("dl", { class: "advice" }, pairs.flat());
}
