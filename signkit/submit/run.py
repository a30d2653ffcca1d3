"""A submission from its verified documents to the registry's last answer.

    0. everything local first: documents (`documents.py`) and content, for all items, before the
       registry hears of any of them
    1. records: artifact, version, key and binary, found or created (`records.py`)
    2. parts: the missing ones (`upload.py`), under a journal (`journal.py`)
    3. hashable, hashing, and the registry's verdict on the content (`states.py`)
    4. signatures, state signed, and everything read back (`attach.py`)

Several items are under way at once. Each ends with exactly one of a result or an error, and an
error of one item does not stop the others; but a registry that fails as a whole does: what has not
begun by then is not tried against it.

A release that is not signed yet goes as far as step 3; with `only_attach` step 2 must be done.

Spec: docs/howto/resume-upload.md; registry contract section 2.5.
Controls: SK-SUBMIT-HALVES (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event
from typing import TypeVar

from signkit.client.protocol import RegistryClient
from signkit.client.resources import Binary
from signkit.errors import (
    ConnectError,
    DeadlineError,
    SignkitError,
    StatusError,
    SubmissionError,
)
from signkit.formats.content import Advance
from signkit.submit.attach import attach_signatures, choose_signatures
from signkit.submit.content import confirm_content
from signkit.submit.documents import Release, SignedItem, UnsignedItem, UploadItem
from signkit.submit.lanes import Lanes
from signkit.submit.options import Hooks, Options
from signkit.submit.records import Records
from signkit.submit.states import Course

R = TypeVar("R", bound=Release)
# What a registry answers that does so to everybody: the token, too much at once, no room, a defect.
_FAILING = frozenset({401, 408, 425, 429, 500, 502, 503, 504, 507})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one item ended: with a binary or with an error, exactly one of the two.

    Attributes:
        item: The item, signed or not.
        binary: As the registry gave it back, or None.
        keyids: Of the registry signatures that this submission verified and read back; none where
            it was only uploaded.
        error: None where there is a binary.
    """

    item: UploadItem | UnsignedItem
    binary: Binary | None = None
    keyids: tuple[str, ...] = ()
    error: SignkitError | None = None


def confirm_release(release: R, *, advance: Advance) -> R:
    """Check that all content is what was prepared; the registry is not asked for anything.

    Args:
        release: From `open_submission` or `open_release`.
        advance: Called with the bytes hashed, where a file must be hashed again.

    Returns:
        The same with the files as they are now.

    Raises:
        DigestMismatchError: a file changed; names it and both digests.
        FileError: a file cannot be read.
    """
    items = tuple(
        replace(each, planned=confirm_content(each.planned, advance=advance))
        if isinstance(each, UploadItem)
        else each
        for each in release.items
    )
    return replace(release, items=items)


def submit(
    client: RegistryClient, release: Release, *, options: Options, hooks: Hooks
) -> tuple[Outcome, ...]:
    """Publish a submission, or upload a release, whose content is confirmed.

    Args:
        client: The registry.
        release: From `confirm_release`.
        options: How.
        hooks: Whom to tell.

    Returns:
        One outcome for each item, in order.

    Raises:
        TransportError: the registry cannot be reached at all, or refuses the token.
    """
    hooks.say(f"registry {options.registry} answers, as {client.user()}")
    with _lanes(client, options.concurrency) as lanes:
        publisher = _Publisher(client, release, options, hooks=hooks, lanes=lanes)
        threads = ThreadPoolExecutor(options.concurrency, thread_name_prefix="signkit-item")
        outcomes = None
        try:
            outcomes = tuple(threads.map(publisher.publish, release.items))
        finally:
            if outcomes is None:  # also on Ctrl-C: what is under way must not keep anybody waiting
                client.halt()
            threads.shutdown(cancel_futures=True)
        return outcomes


@contextmanager
def _lanes(client: RegistryClient, most: int) -> Iterator[Lanes]:
    lanes = Lanes(most)
    try:
        yield lanes
    finally:
        lanes.close()
        client.resume()


class _Publisher:
    """Publishes items, several at once."""

    def __init__(
        self,
        client: RegistryClient,
        release: Release,
        options: Options,
        *,
        hooks: Hooks,
        lanes: Lanes,
    ) -> None:
        self._client = client
        self._options = options
        self._hooks = hooks
        self._records = Records(client)
        self._course = Course(
            client, request=release.request.digest, options=options, say=hooks.say, lanes=lanes
        )
        self._failed = Event()

    def publish(self, each: UploadItem | UnsignedItem) -> Outcome:
        """Publish one item, and return its error where it has one."""
        if isinstance(each, UnsignedItem):
            return Outcome(item=each, error=each.refusal())
        if self._failed.is_set():
            return _not_tried(each)
        try:
            with self._hooks.track(each.item.name, each.item.size) as advance:
                return self._publish(each, advance)
        except SignkitError as error:
            if _is_failure(error):
                self._failed.set()
            return Outcome(item=each, error=error)

    def _publish(self, wanted: UploadItem, advance: Advance) -> Outcome:
        """Bring the content there, and attach its signatures where it has some."""
        name = wanted.item.name
        binary, created = self._find(wanted)
        self._hooks.say(
            f"{name}: binary {binary.prn} {'created' if created else 'found'}, {binary.state}"
        )
        attach_all = self._options.attach_all
        if isinstance(wanted, SignedItem):
            choose_signatures(binary, wanted, attach_all=attach_all)  # before a byte is sent
        confirmed = self._course.bring(binary, wanted, created=created, advance=advance)
        if not isinstance(wanted, SignedItem):
            self._hooks.say(f"{name}: {confirmed.state}; the registry has the content")
            return Outcome(item=wanted, binary=confirmed)
        # Chosen now: somebody else may have signed while this side was uploading.
        chosen = choose_signatures(confirmed, wanted, attach_all=attach_all)
        final = attach_signatures(
            self._client, confirmed, wanted, chosen=chosen, records=self._records
        )
        keyids = tuple(signature.key.public_key.keyid for signature in chosen)
        self._hooks.say(f"{name}: {final.state}, by {', '.join(keyids)}; read back as it was sent")
        return Outcome(item=wanted, binary=final, keyids=keyids)

    def _find(self, wanted: UploadItem) -> tuple[Binary, bool]:
        if self._options.only_attach:
            return self._records.uploaded(wanted), False
        return self._records.binary(wanted)


def _is_failure(error: SignkitError) -> bool:
    """Say whether the registry failed as a whole, and not over one item."""
    if isinstance(error, StatusError):
        return error.status in _FAILING
    return isinstance(error, ConnectError) or (isinstance(error, DeadlineError) and error.retryable)


def _not_tried(each: UploadItem) -> Outcome:
    message = f"{each.item.name}: not tried, because the registry failed before"
    return Outcome(item=each, error=SubmissionError(message, hint="run the command again"))
