"""The peers' own libraries, in a process and an environment of their own: arrays in, arrays out.

Run by `benchmarks/peers.py` as a script; imports nothing of this project.
"""

import os
import sys
import time
import warnings
from functools import partial
from typing import Any

import numpy as np

EVIDENTLY_WINDOW = 500
Arrays = dict[str, Any]


def alibi_detect(given: Arrays) -> Arrays:
    """MMDDriftOnline on one stream: its scores, the part of the reference it kept, and its cost."""
    import torch
    from alibi_detect.cd import MMDDriftOnline

    torch.set_num_threads(1)
    torch.manual_seed(0)
    window, bootstraps = int(given["window"]), int(given["bootstraps"])
    began = time.process_time()
    detector = MMDDriftOnline(
        given["reference"],
        ert=float(window),
        window_size=window,
        n_bootstraps=bootstraps,
        backend="pytorch",
        verbose=False,
    )
    configured = time.process_time() - began
    inner, scores = detector._detector, []
    began = time.process_time()
    for vector in given["stream"]:
        scores.append(inner.score(vector))
    per_event = (time.process_time() - began) / len(scores)
    held = [inner.x_ref, inner.k_xx, inner.k_xy, inner.test_window]
    return {
        "scores": np.array(scores),
        "kept": inner.ref_inds.numpy(),
        "seconds_event": per_event,
        "seconds_bootstrap": configured / bootstraps,
        "bytes": sum(t.element_size() * t.nelement() for t in held),
    }


def frouros(given: Arrays) -> Arrays:
    """MMDStreaming on one stream: its distances and its cost."""
    from frouros.detectors.data_drift import MMDStreaming
    from frouros.utils.kernels import rbf_kernel

    detector = MMDStreaming(window_size=int(given["window"]), kernel=partial(rbf_kernel, sigma=1.0))
    detector.fit(X=given["reference"].astype(np.float64))
    distances, spent = [], 0.0
    for vector in given["stream"].astype(np.float64):
        began = time.process_time()
        found, _ = detector.update(value=vector)
        if found is not None:
            spent += time.process_time() - began
            distances.append(found.distance)
    return {"distances": np.array(distances), "seconds_event": spent / max(len(distances), 1)}


def evidently(given: Arrays) -> Arrays:
    """The embedding drift methods at their defaults on windows of 500: index of the first window flagged.

    `streams` (streams, units) index `vectors`; -1 where no window was flagged.  With `all`, every window
    is judged and counted instead of stopping at the first.
    """
    import pandas as pd
    from evidently.legacy.metrics.data_drift.embedding_drift_methods import distance, mmd, model, ratio

    vectors, streams = given["vectors"], given["streams"]
    methods = {"distance": distance(), "model": model(), "ratio": ratio(), "mmd": mmd()}
    out: Arrays = {}
    for name, method in methods.items():
        first = np.full(len(streams), -1)
        flagged = np.zeros(len(streams), int)
        began, windows = time.process_time(), 0
        for number, stream in enumerate(streams):
            for index in range(len(stream) // EVIDENTLY_WINDOW):
                rows = stream[index * EVIDENTLY_WINDOW : (index + 1) * EVIDENTLY_WINDOW]
                _, drifted, _ = method(pd.DataFrame(vectors[rows]), pd.DataFrame(given["reference"]))
                windows += 1
                flagged[number] += bool(drifted)
                if drifted and first[number] < 0:
                    first[number] = index
                    if not given["all"]:
                        break
        out |= {f"{name}_first": first, f"{name}_flagged": flagged}
        out[f"{name}_seconds_event"] = (time.process_time() - began) / windows / EVIDENTLY_WINDOW
    return out


TASKS = {"alibi_detect": alibi_detect, "frouros": frouros, "evidently": evidently}

if __name__ == "__main__":
    os.environ["DO_NOT_TRACK"] = "1"
    warnings.simplefilter("ignore")
    task, source, target = sys.argv[1:]
    with np.load(source) as found:
        arrays = dict(found)
    np.savez(target, **TASKS[task](arrays))
