"""A file, prepared and signed with test keys, ready to be submitted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from signkit.client.address import make_reach
from signkit.client.http import Http, Timeouts
from signkit.client.protocol import RegistryClient
from signkit.client.retry import Patience, Retrier
from signkit.formats.content import Advance, hash_content
from signkit.formats.plan import encode_plan
from signkit.formats.request import open_request, sign_request
from signkit.formats.response import sign_response
from signkit.model.plan import Plan, PlannedItem
from signkit.model.request import Item, Request, VerifiedRequest, Wanted
from signkit.model.response import ItemResult, ItemSignature, NamedKey, Response
from signkit.schemes.table import SCHEMES
from signkit.submit.documents import Pins, Release, Submission, open_release, open_submission
from signkit.submit.options import Hooks, Options
from signkit.submit.outline import Outline, outline_item
from signkit.submit.run import Outcome, confirm_release, submit
from signkit.verify.digest import Sha256, compute_digest
from tests.support.documents import RELEASE_SCHEMES
from tests.support.keys import PROD, REQUESTER, STATION, KeyOfTest

NOW = "2026-01-31T12:00:00Z"
QUICK = Patience(attempts=4, first_wait=0.01, longest_wait=0.05, total=3.0)
HASTY = Timeouts(connect=0.4, read=0.4, write=0.4)


@dataclass(frozen=True, kw_only=True)
class Signed:
    """The documents, as values and as files beside the content."""

    folder: Path
    content: Path
    plan: Plan
    request: VerifiedRequest
    response: Response

    @property
    def response_path(self) -> Path:
        return self.folder / "model.response.json"

    def open(self, *, pins: Pins | None = None) -> Submission:
        """Verify the documents as they are on disk."""
        return open_submission(
            self.response_path.read_bytes(),
            (self.folder / "model.request.json").read_bytes(),
            self.plan,
            pins=pins or Pins(),
        )

    def release(self) -> Release:
        """Open the request and the plan alone, as before the ceremony."""
        return open_release((self.folder / "model.request.json").read_bytes(), self.plan)

    def answer(self, response: Response, station: KeyOfTest = STATION) -> None:
        """Put another response in the place of the honest one."""
        self.response_path.write_bytes(sign_response(response, station))


def make_signed(
    folder: Path,
    *,
    content: bytes = b"Hello, Binary\n",
    part_size: int = 5,
    keys: tuple[KeyOfTest, ...] = (PROD,),
    **changes: object,
) -> Signed:
    """Prepare and sign one file.

    Args:
        folder: Where everything is written.
        content: The file's bytes.
        part_size: Of every part but the last.
        keys: Who signs, both schemes each.
        changes: Fields of the item.
    """
    path = folder / "model.bin"
    path.write_bytes(content)
    os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_123_456_789))
    digest, identity = hash_content(str(path), advance=lambda _count: None)
    pieces = [content[at : at + part_size] for at in range(0, len(content), part_size)]
    planned = PlannedItem(
        path=str(path),
        identity=identity,
        digest=digest,
        part_size=part_size,
        parts=tuple(compute_digest(piece) for piece in pieces),
    )
    item = Item(
        name="model.bin",
        size=len(content),
        digest=digest,
        artifact="ML-Model",
        version="1.0.0",
        target="aarch64-unknown-linux",
        sequence=1,
        expires=None,
        custom_metadata={"peridiod": {"installer": "file"}},
        wanted=tuple(Wanted(scheme=scheme, role="release") for scheme in RELEASE_SCHEMES),
    )
    return sign_items(folder, [item._replace(**changes)], [planned], keys)  # type: ignore[arg-type]


def sign_items(
    folder: Path, items: list[Item], planned: list[PlannedItem], keys: tuple[KeyOfTest, ...]
) -> Signed:
    """Make the documents of some items."""
    asked = Request(
        requester="builder@ci",
        reason=None,
        created=NOW,
        previous_response=None,
        items=tuple(items),
    )
    data = sign_request(asked, REQUESTER)
    (folder / "model.request.json").write_bytes(data)
    request = open_request(data)
    plan = Plan(request=request.digest, items=tuple(planned))
    (folder / "model.plan.json").write_bytes(encode_plan(plan))
    response = Response(
        request=request.digest,
        station="vault-1",
        sequence=1,
        created=NOW,
        ledger_before=Sha256(bytes(32)),
        ledger_after=Sha256(bytes([1]) * 32),
        transcript=Sha256(bytes([2]) * 32),
        keys=tuple(NamedKey(name=key.name, public_key=key.public_key) for key in keys),
        items=tuple(_result(place, item, asked, keys) for place, item in enumerate(items)),
    )
    path = Path(planned[0].path)
    made = Signed(folder=folder, content=path, plan=plan, request=request, response=response)
    made.answer(response)
    return made


def _result(place: int, item: Item, request: Request, keys: tuple[KeyOfTest, ...]) -> ItemResult:
    signatures = tuple(
        ItemSignature(
            scheme=name,
            keyid=key.public_key.keyid,
            value=SCHEMES[name].sign(key, item, request),
        )
        for key in keys
        for name in (wanted.scheme for wanted in item.wanted)
    )
    return ItemResult(
        item=place, digest=item.digest, content_hashed=True, signatures=signatures, error=None
    )


class Submitter:
    """Submits to one registry the way the command does, with little patience."""

    def __init__(
        self, url: str, token: str, folder: Path, *, deadline: float | None = None
    ) -> None:
        self.said: list[str] = []
        self.advanced = 0
        self._counting = Lock()
        self.http = Http(timeouts=HASTY)
        retrier = Retrier(QUICK, say=self.said.append, deadline=deadline)
        self.client = RegistryClient(self.http, make_reach(url), token=token, retrier=retrier)
        self._options = Options(
            registry=url, journals=folder / "home" / "journal", begun=NOW, concurrency=2
        )

    def run(self, signed: Signed, *, attach_all: bool = False) -> tuple[Outcome, ...]:
        """Confirm and submit."""
        return self.submit(signed.open(), attach_all=attach_all)

    def submit(self, release: Release, **options: Any) -> tuple[Outcome, ...]:
        """Confirm and submit what was opened, with other options than the usual ones."""
        chosen = replace(self._options, **options)
        if not chosen.only_attach:
            release = confirm_release(release, advance=lambda _count: None)
        return submit(
            self.client,
            release,
            options=chosen,
            hooks=Hooks(say=self.said.append, track=self._track),
        )

    def outline(self, release: Release, **options: Any) -> Outline:
        """Say what would be done for the only item."""
        (item,) = release.items
        return outline_item(self.client, item, replace(self._options, **options))

    def one(self, signed: Signed, *, attach_all: bool = False) -> Outcome:
        """Submit one item; its error is raised."""
        (outcome,) = self.run(signed, attach_all=attach_all)
        if outcome.error is not None:
            raise outcome.error
        return outcome

    @contextmanager
    def _track(self, _name: str, _size: int) -> Iterator[Advance]:
        yield self.advance

    def advance(self, count: int) -> None:
        with self._counting:
            self.advanced += count


MakeSubmitter = Callable[[str], Submitter]
