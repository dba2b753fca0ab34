"""Writes tests/golden/metrics.json: figures of scikit-learn on random scores with many ties, confidence intervals by the
definition of DeLong et al. (1988), and best F1 thresholds by trying every score."""
import json, pathlib
import numpy as np
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

random = np.random.default_rng(7)


def delong(targets, scores):
    x, y = scores[targets == 1], scores[targets == 0]
    if len(x) < 2 or len(y) < 2:
        return None, None
    wins = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    auc, v10, v01 = wins.mean(), wins.mean(axis=1), wins.mean(axis=0)
    half = 1.959963984540054 * np.sqrt(v10.var(ddof=1) / len(x) + v01.var(ddof=1) / len(y))
    return max(0.0, auc - half), min(1.0, auc + half)


def best_threshold(targets, scores):
    """The highest of the scores with the best F1."""
    if not targets.any():
        return None, None
    f1 = {float(t): f1_score(targets, scores >= t) for t in np.unique(scores)}
    best = max(f1.values())
    return max(t for t, value in f1.items() if value == best), best


def label(targets, scores):
    both = 0 < targets.sum() < len(targets)
    low, high = delong(targets, scores)
    threshold, f1 = best_threshold(targets, scores)
    return dict(scores=[float(s) for s in scores], targets=[int(t) for t in targets], positives=int(targets.sum()),
                negatives=int(len(targets) - targets.sum()),
                roc_auc=roc_auc_score(targets, scores) if both else None, low=low, high=high,
                average_precision=average_precision_score(targets, scores) if targets.any() else None,
                threshold=threshold, f1=f1)


def case(samples, frequencies, levels):
    targets = (random.random((samples, len(frequencies))) < frequencies).astype(int)
    scores = np.clip(random.normal(0.4 + 0.2 * targets, 0.2), 0, 1).astype(np.float32)
    if levels:
        scores = (np.round(scores * levels) / levels).astype(np.float32)
    both = [i for i in range(len(frequencies)) if 0 < targets[:, i].sum() < samples]
    return dict(labels=[label(targets[:, i], scores[:, i]) for i in range(len(frequencies))],
                macro=roc_auc_score(targets[:, both], scores[:, both], average="macro"),
                weighted=roc_auc_score(targets[:, both], scores[:, both], average="weighted"),
                micro=roc_auc_score(targets, scores, average="micro"))


def masked(samples, frequency, levels, unknown):
    """A label that nobody knows of some samples (null): its figures are those of the others."""
    drawn = case(samples, [frequency], levels)["labels"][0]
    known = random.random(samples) >= unknown
    scores, targets = np.array(drawn["scores"], np.float32), np.array(drawn["targets"])
    whole = dict(scores=drawn["scores"], targets=[int(t) if k else None for t, k in zip(targets, known)])
    return label(targets[known], scores[known]) | whole


cases = [case(200, [0.5, 0.1, 0.02, 0.9], 0), case(150, [0.5, 0.2, 0.0, 1.0], 10), case(60, [0.4, 0.3], 2),
         case(2, [0.5] * 6, 3)]
cases.append(dict(labels=[masked(120, 0.4, 0, 0.5), masked(90, 0.3, 8, 0.2), masked(40, 0.5, 4, 0.95), masked(20, 0.5, 4, 1.1)]))
path = pathlib.Path(__file__).parents[2] / "tests/golden/metrics.json"
path.write_text(json.dumps({"cases": cases}) + "\n")
