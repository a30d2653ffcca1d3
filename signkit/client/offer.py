"""One content that a registry's manifest offers: found, and fetched once it is worth fetching.

    1. the manifest comes from the one address that was given, and the token goes there alone
    2. one item fits; its statement is verified first, so that nothing is fetched that would be
       refused anyway, and no more than was signed
    3. the content comes from where the item says, if that is the same host or one that was listed

The verdict is not given here: `device` judges the file that was fetched as it judges any.

Spec: docs/howto/devices.md; docs/formats/manifest.md.
Controls: SK-CLIENT-DOWNLOAD (docs/design/assurance.md).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from signkit.client.address import Address, Reach, make_reach
from signkit.client.download import Downloader, Wanted
from signkit.client.http import Http
from signkit.client.refusals import describe_refusal
from signkit.client.retry import Retrier
from signkit.device.judge import Judge
from signkit.device.manifest import ManifestItem, check_item, parse_manifest
from signkit.device.offer import Offer
from signkit.errors import ContextError, FileError, FormatError, TransportError, UsageError
from signkit.formats.content import Advance
from signkit.verify.digest import Sha256
from signkit.verify.verdict import check_content, verify_blind, verify_statement

_OK = 200
_Items = Mapping[Sha256, Sequence[ManifestItem]]
Progress = Callable[[int], AbstractContextManager[Advance]]


def make_source(text: str, *, hosts: Sequence[str], insecure_http: bool) -> tuple[Address, Reach]:
    """Check the address of a manifest.

    Args:
        text: With its query.
        hosts: Other hosts that content may come from.
        insecure_http: Whether plain http may leave this machine.

    Returns:
        The address, and where this client may go.

    Raises:
        UsageError: not such an address, or plain http to another machine.
    """
    base, _, query = text.partition("?")
    if not query.isascii() or not query.isprintable() or set(query) & set(" \\#"):
        message = "the address after --from: expected printable ASCII, blanks as %20"
        raise UsageError(message)
    reach = make_reach(base, upload_hosts=hosts, insecure_http=insecure_http)
    return reach.registry.at("", query), reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A manifest at an address.

    Attributes:
        http: The connections.
        address, reach: From `make_source`.
        token: For that address, or None.
        retrier: How to try again.
        folder: Where content is kept while it is fetched; made in one that is there, and removed
            with the verdict.
        progress: Shows how far it is, given the bytes in all.
    """

    http: Http
    address: Address
    reach: Reach
    token: str | None
    retrier: Retrier
    folder: Path
    progress: Progress

    def find(self, target: str | None) -> Offer:
        """Find the one content that is offered for a target.

        Raises:
            ContextError: none, or more than one.
            TransportError: the registry failed, refused, or answers no manifest.
        """
        items = self._read()
        item = _choose(items, target)
        path = self.folder / item.digest.hex()
        return Offer(
            name=str(self.address),
            path=str(path),
            manifest={item.digest: [item]},
            fetch=lambda judge: self._fetch(item, path, judge),
            remove=lambda: self._remove(path),
        )

    def _read(self) -> _Items:
        what = f"GET {self.address}"
        headers = {} if self.token is None else {"authorization": f"Token {self.token}"}

        def ask() -> bytes:
            reply = self.http.send(
                "GET",
                self.address,
                headers=headers,
                seconds=self.retrier.seconds_left,
                what=what,
            )
            if reply.status != _OK:
                raise describe_refusal(reply, what)
            return reply.body

        try:
            return parse_manifest(self.retrier.run(ask))
        except FormatError as error:
            message = f"{what}: the answer is no manifest: {error}"
            hint = "such as https://registry.example/manifest?artifact=NAME&target=TARGET"
            raise TransportError(message, hint=hint) from error

    def _fetch(self, item: ManifestItem, path: Path, judge: Judge) -> None:
        """Get the content of an item, unless what is signed refuses it already."""
        _judge_first(item, judge)
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            message = f"{self.folder} cannot be made: {(error.strerror or str(error)).lower()}"
            hint = "check the folder, its permissions and free space"
            raise FileError(message, hint=hint) from error
        wanted = Wanted(
            name="the content",
            digest=item.digest,
            size=item.size,
            find_address=self._addresses(item).__next__,
        )
        with self.progress(item.size) as advance:
            Downloader(self.http, self.reach, retrier=self.retrier, advance=advance).fetch(
                wanted, path
            )

    def _addresses(self, item: ManifestItem) -> Iterator[str]:
        """Yield where the content is: first as it was said, then as it is said anew."""
        yield item.url
        while True:
            found = self._read().get(item.digest, ())
            yield next((each.url for each in found if each.size == item.size), "")

    def _remove(self, path: Path) -> None:
        """Remove content that is whole; what is not is kept for the next run."""
        if path.is_file():
            shutil.rmtree(self.folder, ignore_errors=True)


def _choose(items: _Items, target: str | None) -> ManifestItem:
    flat = [item for same in items.values() for item in same]
    fitting = [item for item in flat if target is None or item.target in {"", target}]
    if len(fitting) != 1:
        message = f"the manifest offers {len(fitting)} contents for this target, expected one"
        raise ContextError(message, hint="choose by --target, or ask for one artifact and target")
    return fitting[0]


def _judge_first(item: ManifestItem, judge: Judge) -> None:
    """Judge what can be judged without the content."""
    if judge.statement_of is None:
        offered = (*judge.signatures, *item.signatures)
        verify_blind(item.digest, offered, roles=judge.roles, now=judge.expectation.now)
        return
    verified = verify_statement(
        item.statement,
        roles=judge.roles,
        expectation=judge.expectation,
        floors=judge.floors,
        permits=judge.permits,
    )
    check_content(verified, digest=item.digest, size=item.size, name="what is offered")
    check_item(item, verified)
