"""Every error that signkit raises, drawn as one tree.

    SignkitError 1              a defect of signkit itself when raised as such
      UsageError 2              wrong options or arguments
      FormatError 3             the bytes do not have the shape
        TooLargeError · MalformedError · NotCanonicalError · UnsupportedVersionError
      VerificationError 4       a conclusion: not authentic, or could not be checked
        SignatureInvalidError · UnknownKeyError · KeyRefusedError · ContextError · ConflictError
        DigestMismatchError 10
        DocumentError           one document is refused, with the reason behind it
          StatementError 11 · RequestError 12 · ResponseError 13 · TrustError 14
          StateRefusedError 20
        ExpiredError 15 · RollbackError 16 · ThresholdError 17
      ConfirmationError 18      the operator did not confirm
      PolicyError 19            a named control says no
      CustodyError 5            KeyNotFoundError · KeyLockedError · KeyUseDeniedError
                                KeyStateError · BackendUnavailableError
      TransportError 6          ConnectError · DeadlineError · StatusError · ReplyTooLargeError
      SubmissionError 7         PartConflictError · ReceiptMismatchError · JournalError · StateError
      FileError 8               a file that cannot be read or written, or that changed meanwhile
      RegistryError 9           the embedded registry cannot serve
        RegistryDamagedError 21 what it has on record, or a backup of it, is lost or damaged

The tree is split by who must act. `code` is stable and for machines; `exit_code` is what a
command ends with; the message says what, where, expected and got, in lower case and without a
full stop; `hint` says what to do next. Nothing else leaves the package, except TypeError and
ValueError where a programmer misuses it.

Standard library only, and nothing slow to import: the device verifier starts with this module.
"""

from __future__ import annotations


class SignkitError(Exception):
    """Something that the person at the keyboard must know.

    Attributes:
        code: Stable, lower case, words joined by hyphens; what `--json` prints.
        exit_code: What the command ends with.
        hint: What to do next, or None.
    """

    code = "internal-error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(SignkitError):
    """The options or arguments do not make sense together."""

    code = "usage"
    exit_code = 2


class FormatError(SignkitError):
    """Bytes that do not have the shape their format asks for."""

    code = "format"
    exit_code = 3


class TooLargeError(FormatError):
    """More bytes, items or characters than `verify/limits.py` allows."""

    code = "too-large"


class MalformedError(FormatError):
    """A field is unknown, missing or wrong, or the bytes do not parse."""

    code = "malformed"


class NotCanonicalError(FormatError):
    """A second spelling of something that has exactly one."""

    code = "not-canonical"


class UnsupportedVersionError(FormatError):
    """A version or type that this signkit does not know."""

    code = "unsupported-version"


class VerificationError(SignkitError):
    """Not authentic, or it could not be checked: both end the same way."""

    code = "verification"
    exit_code = 4


class SignatureInvalidError(VerificationError):
    """A signature does not verify under the key it names."""

    code = "signature-invalid"


class UnknownKeyError(VerificationError):
    """Signed by a key that is not among the keys trusted here."""

    code = "unknown-key"


class KeyRefusedError(VerificationError):
    """A public key that must not be used: small order, not canonical, off the curve."""

    code = "key-refused"


class ContextError(VerificationError):
    """Authentic, but for something else: another artifact, target or purpose."""

    code = "context"


class ConflictError(VerificationError):
    """One key is said to have signed one thing in two ways: at least one of them is not honest."""

    code = "conflict"


class DigestMismatchError(VerificationError):
    """The content is not the content that was signed."""

    code = "digest-mismatch"
    exit_code = 10


class DocumentError(VerificationError):
    """One document is refused; `reason` is the code of the error behind it."""

    code = "document-refused"

    def __init__(self, message: str, *, hint: str | None = None, reason: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class StatementError(DocumentError):
    """The release statement is refused."""

    code = "statement-refused"
    exit_code = 11


class RequestError(DocumentError):
    """The request is refused."""

    code = "request-refused"
    exit_code = 12


class ResponseError(DocumentError):
    """The response is refused."""

    code = "response-refused"
    exit_code = 13


class TrustError(DocumentError):
    """The trust root is refused."""

    code = "trust-refused"
    exit_code = 14


class StateRefusedError(DocumentError):
    """What a device remembers is missing, damaged, or older than it must be."""

    code = "state-refused"
    exit_code = 20


class ExpiredError(VerificationError):
    """Signed, but its validity is over."""

    code = "expired"
    exit_code = 15


class RollbackError(VerificationError):
    """Signed, but older than what was already seen.

    Attributes:
        floor: The least sequence accepted.
        offered: The sequence that was offered.
    """

    code = "rollback"
    exit_code = 16

    def __init__(self, message: str, *, floor: int, offered: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.floor = floor
        self.offered = offered


class ThresholdError(VerificationError):
    """Fewer distinct keys than the role asks for.

    Attributes:
        required: Distinct keys that it takes.
        got: Distinct keys that verified.
        missing: keyids of the role that did not sign.
    """

    code = "threshold"
    exit_code = 17

    def __init__(
        self,
        message: str,
        *,
        required: int,
        got: int,
        missing: tuple[str, ...] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.required = required
        self.got = got
        self.missing = missing


class ConfirmationError(SignkitError):
    """The operator did not confirm: nothing was signed."""

    code = "not-confirmed"
    exit_code = 18


class PolicyError(SignkitError):
    """A named control refuses; `control` is its id, such as SK-REQ-UNIQUE."""

    code = "policy"
    exit_code = 19

    def __init__(self, message: str, *, control: str, hint: str | None = None) -> None:
        super().__init__(f"{control}: {message}", hint=hint)
        self.control = control


class CustodyError(SignkitError):
    """A private key cannot be used."""

    code = "custody"
    exit_code = 5


class KeyNotFoundError(CustodyError):
    """No private key under that name or path."""

    code = "key-not-found"


class KeyLockedError(CustodyError):
    """The passphrase is missing or wrong."""

    code = "key-locked"


class KeyUseDeniedError(CustodyError):
    """The key is not for this: its key file says what it may sign, and until when."""

    code = "key-use-denied"


class KeyStateError(CustodyError):
    """The key's state does not allow it: to sign, or to become what was asked."""

    code = "key-state"


class BackendUnavailableError(CustodyError):
    """What holds the key cannot be reached, or cannot sign: a token that is gone, or too old."""

    code = "backend-unavailable"


class TokenStoreError(SignkitError):
    """The keyring that holds a registry's token cannot be used: it is locked, or gone."""

    code = "token-store"
    exit_code = 6


class TransportError(SignkitError):
    """The registry cannot be reached, or answers what it must not.

    Attributes:
        retryable: Whether the same call may succeed later.
    """

    code = "transport"
    exit_code = 6

    def __init__(self, message: str, *, hint: str | None = None, retryable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable


class ConnectError(TransportError):
    """No connection, or it broke."""

    code = "connect"


class DeadlineError(TransportError):
    """It took longer than allowed."""

    code = "deadline"


class StatusError(TransportError):
    """The registry answered with an error status.

    Attributes:
        status: The HTTP status.
    """

    code = "status"

    def __init__(
        self, message: str, *, status: int, hint: str | None = None, retryable: bool = False
    ) -> None:
        super().__init__(message, hint=hint, retryable=retryable)
        self.status = status


class ReplyTooLargeError(TransportError):
    """The answer is longer than any honest answer."""

    code = "reply-too-large"


class SubmissionError(SignkitError):
    """The submission cannot go on."""

    code = "submission"
    exit_code = 7


class PartConflictError(SubmissionError):
    """The registry refuses a part, or holds another one in its place."""

    code = "part-conflict"


class ReceiptMismatchError(SubmissionError):
    """What the registry says it holds is not what was sent."""

    code = "receipt-mismatch"


class JournalError(SubmissionError):
    """The plan or the journal does not fit what it is used for."""

    code = "journal"


class StateError(SubmissionError):
    """The registry's record is in a state from which this submission cannot go on."""

    code = "state"


class FileError(SignkitError):
    """A file cannot be read or written, is not a regular file, or changed meanwhile."""

    code = "file"
    exit_code = 8


class RegistryError(SignkitError):
    """The embedded registry cannot start or serve."""

    code = "registry"
    exit_code = 9


class RegistryDamagedError(RegistryError):
    """What a registry has on record, or a backup of it, is lost or damaged."""

    code = "registry-damaged"
    exit_code = 21


def describe_error(error: SignkitError) -> dict[str, object]:
    """Return an error as machines read it: `error`, `code`, and what else it carries."""
    value: dict[str, object] = {"error": str(error), "code": error.code}
    if error.hint:
        value["hint"] = error.hint
    if isinstance(error, DocumentError) and error.reason:
        value["reason"] = error.reason
    if isinstance(error, ThresholdError):
        value |= {"required": error.required, "got": error.got, "missing": list(error.missing)}
    if isinstance(error, PolicyError):
        value["control"] = error.control
    return value
