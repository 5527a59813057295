"""What a shared server refuses to start, and what it cleans away (common/settings.py has the numbers)."""

import os
import time
from contextlib import suppress
from pathlib import Path

from xception_lab.common.home import StoreError
from xception_lab.common.messages import say
from xception_lab.common.settings import MB, Settings, is_over
from xception_lab.common.work_state import UNFINISHED
from xception_lab.data.custom import is_custom
from xception_lab.experiments.ownership import TERMINAL
from xception_lab.experiments.store import Store

DAY_S = 86_400.0
ORPHAN_S = DAY_S  # a file that no run has may be one that is being written


class BoundError(RuntimeError):
    """A bound of the server's settings is reached; the message says which and what to do."""


def check_training(store: Store, settings: Settings, owner: str) -> None:
    """Raise BoundError where this owner may start no experiment now. The terminal may always."""
    if owner == TERMINAL:
        return
    if not settings.training.enabled:
        raise BoundError(say("training is switched off on this server"))
    bounds = settings.runs
    own = store.usage(owner)
    if is_over(own.experiments, bounds.experiments_per_person):
        most = bounds.experiments_per_person
        raise BoundError(
            say("at most {most} experiments of one person are kept here: delete some of your runs", most=most)
        )
    if is_over(own.disk_bytes, bounds.megabytes_per_person * MB):
        most = bounds.megabytes_per_person
        raise BoundError(
            say(
                "your checkpoints take the {most:,} MB that a person may have here: delete some of your runs", most=most
            )
        )
    everything = store.usage()
    if is_over(everything.disk_bytes, bounds.megabytes * MB):
        sentence = say(
            "all checkpoints here take the {most:,} MB that they may: runs have to be deleted", most=bounds.megabytes
        )
        raise BoundError(sentence)
    if is_over(everything.unfinished, settings.training.most_waiting):
        most = settings.training.most_waiting
        raise BoundError(say("at most {most:,} runs of all people may wait at once: let some end", most=most))


def check_upload(store: Store, settings: Settings, owner: str) -> None:
    """Raise BoundError where this owner may upload nothing now."""
    bounds = settings.uploads
    if not bounds.enabled:
        raise BoundError(say("uploads are switched off on this server"))
    if is_over(store.upload_bytes(owner), bounds.megabytes_per_person * MB):
        most = bounds.megabytes_per_person
        raise BoundError(say("your pictures take the {most:,} MB that a person's may take here", most=most))
    if is_over(store.upload_bytes(), bounds.megabytes * MB):
        raise BoundError(say("all uploads here take the {most:,} MB that they may", most=bounds.megabytes))


def clean(store: Store, settings: Settings) -> int:
    """Delete what is older than the settings let it be, and what nothing refers to. Returns the bytes that are freed.

    Experiments of people that nobody trains, data sets that no experiment is about, and files of no run.
    """
    freed = 0
    now = time.time()
    summaries = store.summaries()
    if settings.runs.keep_days:
        oldest = now - settings.runs.keep_days * DAY_S
        for summary in summaries:
            is_idle = not summary.is_leased and summary.state not in UNFINISHED
            if summary.created < oldest and is_idle and summary.owner != TERMINAL:
                with suppress(KeyError, StoreError):
                    freed += store.delete(summary.id)
        summaries = store.summaries()
    runs = store.run_numbers()
    freed += sum(
        _delete(path, now - ORPHAN_S)
        for path in (store.folder / "checkpoints").glob("*.safetensors")
        if path.stem.isdecimal() and int(path.stem) not in runs
    )
    if settings.uploads.keep_unused_days:
        used = {summary.spec.base.dataset for summary in summaries}
        oldest = now - settings.uploads.keep_unused_days * DAY_S
        freed += sum(
            _delete(path, oldest)
            for path in (store.folder / "data").glob("*.safetensors")
            if is_custom(path.stem) and path.stem not in used
        )
        store.forget_missing_uploads()
    return freed


def keep_upload(store: Store, name: str, owner: str) -> None:
    """Note whose upload a data set is, and that it was wanted now."""
    store.note_upload(name, owner)
    with suppress(OSError):
        os.utime(store.folder / "data" / f"{name}.safetensors")


def _delete(path: Path, oldest: float) -> int:
    """Delete a file that nobody has touched since; returns its bytes, 0 where it stays."""
    try:
        status = path.stat()
        if status.st_mtime >= oldest:
            return 0
        path.unlink()
    except OSError:
        return 0
    return status.st_size
