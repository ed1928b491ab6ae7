"""Putting what a step reads in place, each file by its content: never one that has changed since it was recorded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping

from roar.reproduce.contents import Contents, copy_file
from roar.reproduce.links import make_links
from roar.reproduce.mapping import Mapping as Places
from roar.reproduce.mapping import former_root
from roar.reproduce.plan import Input, Plan, Step
from roar.reproduce.results import Compared

_CODE_BYTES = 1 << 20
_SETTINGS_BYTES = 1 << 16


class Unavailable(Exception):
    """A step can't have what it read; the text is a clause that says why."""


class Inputs:
    """Where inputs come from.

    Args:
        contents: takes digests.
        plan: whose inputs they are.
        kept: a directory for what steps made at places that other steps change.
        elsewhere: digests → paths at which the content was recorded.
    """

    def __init__(
        self,
        contents: Contents,
        plan: Plan,
        kept: bytes,
        elsewhere: Callable[[Mapping[str, str]], Iterable[bytes]],
    ) -> None:
        self._contents = contents
        self._root = plan.root
        self._source = plan.source
        self._directory = plan.directory
        self._kept = kept
        self._elsewhere = elsewhere
        self._places = plan.places

    def put_in_place(self, step: Step, made: Mapping[tuple[int, bytes], Compared]) -> list[str]:
        """Makes a step's inputs ready.

        Args:
            step: about to be run.
            made: (step, place) → what the steps that it needs have made.

        Returns:
            What the user should know, a clause each.

        Raises:
            Unavailable: an input isn't to be had as it was.
        """
        notes: list[str] = []
        for one in step.inputs:
            if one.origin == "step":
                self._from_step(one, made)
            elif one.origin == "commit":
                self._from_commit(one, step)
            elif one.origin == "copy":
                notes += self._copied(one)
                self._names_no_output(one, step)
            elif one.origin == "in place" and one.hashes and not self._contents.has(one.path, one.hashes):
                raise Unavailable(self._why_not(one))
        make_links(step, self._root, self._directory)
        for path, mode in _streams(step):
            if mode != "r" and path.startswith(self._root + b"/"):
                os.makedirs(os.path.dirname(self._new(path)), exist_ok=True)
        return notes

    def keep(self, compared: Compared) -> None:
        """Keeps a copy of what a step made at a place that others change."""
        target = self._kept_at(compared.produced or "")
        if not os.path.exists(target):
            copy_file(compared.place, target)

    def now(self, path: bytes) -> bytes:
        """Where a recorded file is if the repository was moved since."""
        return self._source + path[len(self._root) :] if path.startswith(self._root + b"/") else path

    def _new(self, path: bytes) -> bytes:
        return self._directory + path[len(self._root) :] if path.startswith(self._root + b"/") else path

    def _kept_at(self, digest: str) -> bytes:
        return self._kept + b"/" + digest.encode()

    def _from_step(self, one: Input, made: Mapping[tuple[int, bytes], Compared]) -> None:
        compared = made.get((one.maker or 0, one.made_at or one.place))
        if compared is None or compared.produced is None or compared.algorithm is None:
            raise Unavailable(f"{self._name(one)} is missing, which an earlier step was to make")
        hashes = {compared.algorithm: compared.produced}
        if self._contents.has(one.place, hashes):
            return
        if not self._contents.fetch([compared.place, self._kept_at(compared.produced)], one.place, hashes):
            raise Unavailable(f"{self._name(one)} is no longer as an earlier step made it")

    def _from_commit(self, one: Input, step: Step) -> None:
        if not one.hashes:
            return
        if not self._contents.has(one.place, one.hashes) and not self._contents.fetch(
            [self.now(one.path)], one.place, one.hashes
        ):
            raise Unavailable(f"{self._name(one)} is not in the commit as it was read")
        if os.path.getsize(one.place) <= _CODE_BYTES:
            with open(one.place, "rb") as file:
                mention = _mention(self._places_of(step)).search(file.read(_CODE_BYTES))
                if mention:
                    where = os.fsdecode(mention[0])
                    raise Unavailable(f"{self._name(one)} names {where}: the step would work there, not here")

    def _copied(self, one: Input) -> list[str]:
        if not one.hashes:
            if not os.path.lexists(one.place) and os.path.isfile(self.now(one.path)):
                copy_file(self.now(one.path), one.place)
            return [f"{self._name(one)} was taken as it is now: its content was not recorded"]
        if self._contents.has(one.place, one.hashes):
            return []
        if self._contents.fetch(map(self.now, [one.path, *self._elsewhere(one.hashes)]), one.place, one.hashes):
            return []
        raise Unavailable(self._why_not(one))

    def _names_no_output(self, one: Input, step: Step) -> None:
        """Raises `Unavailable` for settings that would make the step write where it did.  Lists of what is read are let be."""
        pairs = self._places_of(step)
        try:
            if os.path.getsize(one.place) > _SETTINGS_BYTES:
                return
            with open(one.place, "rb") as file:
                within = re.compile(_mention(pairs).pattern + rb"(?:/[^\s'\",;:<>|()]*)?")
                mentions = set(within.findall(file.read(_SETTINGS_BYTES)))
        except OSError:
            return
        for mention in sorted(mentions):
            place = (Places(pairs).path(mention) or b"").rstrip(b"/")
            if any(output.place == place or output.place.startswith(place + b"/") for output in step.outputs):
                where = os.fsdecode(mention)
                raise Unavailable(f"{self._name(one)} names {where}: the step would write there, not here")

    def _places_of(self, step: Step) -> tuple[tuple[bytes, bytes], ...]:
        """Directories that the step knew and what stands for each, where its repository was among them."""
        former = former_root(step.job)
        return self._places if former is None else (*self._places, (former, self._directory))

    def _why_not(self, one: Input) -> str:
        algorithm = self._contents.algorithm(one.hashes)
        if algorithm is None:
            return f"{self._name(one)} can't be checked: {next(iter(one.hashes))} is not installed"
        now = self._contents.digest(self.now(one.path), algorithm)
        if now is None:
            return f"{self._name(one)} is not there any more"
        recorded = one.hashes[algorithm]
        return f"{self._name(one)} has changed since it was recorded ({algorithm} {recorded[:12]} then, {now[:12]} now)"

    def _name(self, one: Input) -> str:
        return os.fsdecode(one.path.removeprefix(self._root + b"/"))


def _mention(places: Iterable[tuple[bytes, bytes]]) -> re.Pattern[bytes]:
    """What finds the directories in a file."""
    names = b"|".join(re.escape(name) for name, _ in places)
    return re.compile(rb"(?<![A-Za-z0-9_.-])(?:" + names + rb")(?![A-Za-z0-9_.-])")


def _streams(step: Step) -> list[tuple[bytes, str]]:
    streams = step.environment.get("streams", {}).values()
    return [(os.fsencode(stream["path"]), stream["mode"]) for stream in streams if stream.get("path")]
