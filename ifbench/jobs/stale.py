"""Why results that were stored once are not there any more."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from ifbench.core.identity import canonical_json
from ifbench.jobs.job import Job

Identity = Mapping[str, Any]
"""Of a training or a scoring, see `Job`; Any: JSON."""
CHANGES = {
    "training": "the training version changed",
    "scoring": "the scoring version changed",
    "version": "the version of a plugin changed",
    "source": "the code of a plugin changed",
}
"""What of an identity changes with the code alone, and how people are told."""


def stale(jobs: Iterable[Job], identities: Iterable[Identity]) -> dict[str, int]:
    """Reasons why jobs have to be done again, with the number of jobs; those never done count nowhere.

    Args:
        jobs: Trainings, or scorings, whose results are not stored.
        identities: Of all stored results of their kind.
    """
    stored: dict[str, list[Identity]] = defaultdict(list)
    for identity in identities:
        stored[_lasting(identity)].append(identity)
    reasons = (_changes(job.identity, stored.get(_lasting(job.identity), ())) for job in jobs)
    return dict(Counter(f"stale: {reason}" for reason in reasons if reason))


def _lasting(identity: Identity) -> str:
    """What of an identity does not change with the code."""
    return canonical_json({key: value for key, value in identity.items() if key not in CHANGES})


def _changes(identity: Identity, stored: Iterable[Identity]) -> str:
    """What is not as it was with the nearest of some stored results; empty where there is none."""
    now, before = _versions(identity), map(_versions, stored)
    changed = ([text for key, text in CHANGES.items() if now.get(key) != then.get(key)] for then in before)
    nearest: list[str] = min(changed, key=len, default=[])
    return " and ".join(nearest)


def _versions(identity: Identity) -> Identity:
    """The values under the keys of `CHANGES`; the versions of a training stand together."""
    version = identity.get("version")
    if not isinstance(version, Mapping):
        return identity
    return {"training": version.get("training"), "version": [version.get("data"), version.get("architecture")]}
