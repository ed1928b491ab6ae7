"""The filter for experiment trackers, and the links to their runs that stay with the job."""

from __future__ import annotations

from collections.abc import Iterable

from roar.api.filters import Filter, FilterContext, Matcher
from roar.filters.places import by_directory

_DIRECTORIES = (b"/wandb/", b"/mlruns/", b"/mlartifacts/", b"/.neptune/", b"/.aim/", b"/.comet-runs/")
_TENSORBOARD = b"/events.out.tfevents."


class ExperimentTrackers(Filter):
    """Logs of Weights & Biases, MLflow, TensorBoard and the like."""

    name = "experiment trackers"
    config_key = "filters.ignore_experiment_trackers"
    reason = "logs of wandb, mlruns and TensorBoard are about the run, not of it"
    order = 60

    def prepare(self, context: FilterContext) -> Matcher:
        """Directories of the trackers' names, anywhere below the root or outside."""
        logged = by_directory(_DIRECTORIES, context.root)
        return lambda path, direction: logged(path) or _TENSORBOARD in path


def runs(paths: Iterable[bytes]) -> tuple[str, ...]:
    """The trackers' runs that dropped files belong to: ``wandb:3fk2a9x1``, ``mlflow:<experiment>/<run>``.

    The layouts are the trackers' own: ``wandb/run-<date>_<time>-<id>/`` and ``mlruns/<experiment>/<32 hex digits>/``.
    """
    found: dict[str, None] = {}
    for path in paths:
        words = path.split(b"/")
        for place, word in enumerate(words[:-1]):
            if word == b"wandb" and words[place + 1].startswith((b"run-", b"offline-run-")):
                found[f"wandb:{words[place + 1].rpartition(b'-')[2].decode(errors='backslashreplace')}"] = None
            elif word == b"mlruns" and len(words) > place + 2 and len(words[place + 2]) == 32:
                run = b"/".join(words[place + 1 : place + 3])
                found[f"mlflow:{run.decode(errors='backslashreplace')}"] = None
    return tuple(found)
