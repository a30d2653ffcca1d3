"""A submission from its verified documents to the registry's last answer.

    0. everything local first: documents (`documents.py`) and content, for all items, before the
       registry hears of any of them
    1. records: artifact, version, key and binary, found or created (`records.py`)
    2. parts: the missing ones (`upload.py`), under a journal (`journal.py`)
    3. hashable, hashing, and the registry's verdict on the content (`states.py`)
    4. signatures, state signed, and everything read back (`attach.py`)

Each item ends with exactly one of a result or an error. An error of one item does not stop the
others, but a registry that fails does: the rest is not tried against it.

Spec: docs/howto/resume-upload.md; registry contract section 2.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from signkit.client.protocol import RegistryClient
from signkit.client.resources import Binary
from signkit.errors import SignkitError, SubmissionError, TransportError
from signkit.formats.content import Advance
from signkit.submit.attach import attach_signatures, choose_signatures
from signkit.submit.content import confirm_content
from signkit.submit.documents import SignedItem, Submission, UnsignedItem
from signkit.submit.options import Hooks, Options
from signkit.submit.records import Records
from signkit.submit.states import Course


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one item ended: with a binary or with an error, exactly one of the two.

    Attributes:
        item: The item, signed or not.
        binary: As the registry gave it back, or None.
        keyids: Of the registry signatures that this submission verified and read back.
        error: None where there is a binary.
    """

    item: SignedItem | UnsignedItem
    binary: Binary | None = None
    keyids: tuple[str, ...] = ()
    error: SignkitError | None = None


def confirm_submission(submission: Submission, *, advance: Advance) -> Submission:
    """Check that all content is what was prepared; the registry is not asked for anything.

    Args:
        submission: From `open_submission`.
        advance: Called with the bytes hashed, where a file must be hashed again.

    Returns:
        The submission with the files as they are now.

    Raises:
        DigestMismatchError: a file changed; names it and both digests.
        FileError: a file cannot be read.
    """
    items = tuple(
        replace(each, planned=confirm_content(each.planned, advance=advance))
        if isinstance(each, SignedItem)
        else each
        for each in submission.items
    )
    return replace(submission, items=items)


def submit(
    client: RegistryClient, submission: Submission, *, options: Options, hooks: Hooks
) -> tuple[Outcome, ...]:
    """Publish a confirmed submission.

    Args:
        client: The registry.
        submission: From `confirm_submission`.
        options: How.
        hooks: Whom to tell.

    Returns:
        One outcome for each item, in order.

    Raises:
        TransportError: the registry cannot be reached at all, or refuses the token.
    """
    hooks.say(f"registry {options.registry} answers, as {client.user()}")
    publisher = _Publisher(client, submission, options, hooks)
    outcomes: list[Outcome] = []
    for each in submission.items:
        outcomes.append(publisher.publish(each))
        if isinstance(outcomes[-1].error, TransportError):
            break
    rest = submission.items[len(outcomes) :]
    return (*outcomes, *(_not_tried(each) for each in rest))


class _Publisher:
    """Publishes one item after the other."""

    def __init__(
        self, client: RegistryClient, submission: Submission, options: Options, hooks: Hooks
    ) -> None:
        self._client = client
        self._options = options
        self._say = hooks.say
        self._records = Records(client)
        request = submission.request.digest
        self._course = Course(client, request=request, options=options, hooks=hooks)

    def publish(self, each: SignedItem | UnsignedItem) -> Outcome:
        """Publish one item, and return its error where it has one."""
        try:
            if isinstance(each, UnsignedItem):
                return Outcome(item=each, error=each.refusal())
            return self._publish(each)
        except SignkitError as error:
            return Outcome(item=each, error=error)

    def _publish(self, signed: SignedItem) -> Outcome:
        name = signed.item.name
        binary, created = self._records.binary(signed)
        self._say(
            f"{name}: binary {binary.prn} {'created' if created else 'found'}, {binary.state}"
        )
        attach_all = self._options.attach_all
        choose_signatures(binary, signed, attach_all=attach_all)  # refuses before a byte is sent
        confirmed = self._course.bring(binary, signed)
        # Chosen now: somebody else may have signed while this side was uploading.
        chosen = choose_signatures(confirmed, signed, attach_all=attach_all)
        final = attach_signatures(
            self._client, confirmed, signed, chosen=chosen, records=self._records
        )
        keyids = tuple(signature.key.public_key.keyid for signature in chosen)
        self._say(f"{name}: {final.state}, by {', '.join(keyids)}; read back as it was sent")
        return Outcome(item=signed, binary=final, keyids=keyids)


def _not_tried(each: SignedItem | UnsignedItem) -> Outcome:
    message = f"{each.item.name}: not tried, because the registry failed before"
    return Outcome(item=each, error=SubmissionError(message, hint="run the command again"))
