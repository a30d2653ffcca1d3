"""Content as objects in a bucket: any store that speaks S3.

    content/BINARY/ORGANIZATION/REVISION      one object, put together by a multipart upload

Clients send parts to the store itself. A part's URL is signed over its length and SHA-256, so the
store refuses other bytes; content is put together by the store, without copying. Names begin with
the binary's id, so that the bucket can be walked in 256 shares (`stored`).

Controls: SK-REGISTRY-PART (docs/design/assurance.md).
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any, BinaryIO
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from signkit.registry.footing_file import Bucket
from signkit.registry.store import (
    ContentKey,
    PartKey,
    StoreUnavailableError,
    UploadGoneError,
    UrlTerms,
)

_ROOT = "content/"
_MIB = 1024 * 1024
_ATTEMPTS = 4
_CONNECTIONS = 64
_QUICK = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 1})
_PATIENT = Config(
    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": _ATTEMPTS}
)
_PIECE_SIZE = _MIB
_GONE = frozenset({"NoSuchUpload", "NoSuchKey", "404", "NotFound"})


class S3Store:
    """The store of many machines.

    Args:
        bucket: Where the objects are.
    """

    # What S3 asks of every part but the last.
    smallest_part = 5 * _MIB
    fixed_parts = True

    def __init__(self, bucket: Bucket) -> None:
        self._place = bucket
        self._bucket = bucket.name
        self._client = _client(bucket, bucket.endpoint)
        self._signer = self._client
        if bucket.public_endpoint is not None:
            self._signer = _client(bucket, bucket.public_endpoint)

    @property
    def client(self) -> Any:  # noqa: ANN401  (boto3 has no types)
        """The client, for `doctor` and tests."""
        return self._client

    def check_bucket(self) -> str:
        """Say what the bucket is called, having asked the store for it.

        Raises:
            StoreUnavailableError: it is not there, or the store does not answer.
        """
        self._find_bucket(self._client)
        return self._bucket

    def check_answers(self) -> None:
        """Pass where the bucket is there; asked once, for at most two seconds at each step.

        Raises:
            StoreUnavailableError: as `check_bucket`.
        """
        self._find_bucket(self._prober)

    @cached_property
    def _prober(self) -> Any:  # noqa: ANN401
        return _client(self._place, self._place.endpoint, _QUICK)

    def _find_bucket(self, client: Any) -> None:  # noqa: ANN401
        try:
            with _translated():
                client.head_bucket(Bucket=self._bucket)
        except FileNotFoundError as error:
            message = f"there is no bucket {self._bucket}"
            raise StoreUnavailableError(message) from error

    def begin_upload(self, content: ContentKey) -> str:
        """Begin a multipart upload and return its id."""
        with _translated():
            answer = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=object_name(content)
            )
        return str(answer["UploadId"])

    def part_url(self, key: PartKey, *, size: int, upload: str, terms: UrlTerms) -> str:
        """Return where a client sends a part; the URL's signature covers length and SHA-256."""
        return self._sign(
            "upload_part",
            terms,
            Key=object_name(key.content),
            UploadId=upload,
            PartNumber=key.index,
            ContentLength=size,
            ChecksumSHA256=b64encode(bytes.fromhex(key.digest)).decode("ascii"),
        )

    def download_url(self, content: ContentKey, *, terms: UrlTerms) -> str:
        """Return where finished content can be fetched with GET."""
        return self._sign(
            "get_object",
            terms,
            Key=object_name(content),
            ResponseContentType="application/octet-stream",
            ResponseContentDisposition="attachment",
        )

    def _sign(self, operation: str, terms: UrlTerms, **parameters: object) -> str:
        with _translated():
            url: str = self._signer.generate_presigned_url(
                operation,
                Params={"Bucket": self._bucket, **parameters},
                ExpiresIn=terms.seconds,
            )
        return url

    def arrived(self, content: ContentKey, upload: str) -> Mapping[int, int]:
        """Return index and size of the parts that the upload holds."""
        try:
            return {index: size for index, (size, _) in self._list(content, upload).items()}
        except UploadGoneError:
            if self.size(content) is None:
                raise
            return {}

    def _list(self, content: ContentKey, upload: str) -> dict[int, tuple[int, str]]:
        """Return size and tag of each part; a store may list one sent twice twice."""
        if not upload:
            message = "no upload goes on"
            raise UploadGoneError(message)
        parts: dict[int, tuple[int, str]] = {}
        pages = self._client.get_paginator("list_parts").paginate(
            Bucket=self._bucket, Key=object_name(content), UploadId=upload
        )
        with _translated():
            for page in pages:
                for part in page.get("Parts", ()):
                    parts[part["PartNumber"]] = (part["Size"], part["ETag"])
        return parts

    def size(self, content: ContentKey) -> int | None:
        """Return the bytes of finished content, or None where there is none."""
        try:
            with _translated():
                answer = self._client.head_object(Bucket=self._bucket, Key=object_name(content))
        except (UploadGoneError, FileNotFoundError):
            return None
        return int(answer["ContentLength"])

    def finish(self, content: ContentKey, upload: str, *, size: int) -> None:
        """Have the store put the parts together; content without parts is an empty object.

        Raises:
            UploadGoneError: there is no such upload, and no such object either.
            StoreUnavailableError: the store does not do it, or does not hold it afterwards.
        """
        name = object_name(content)
        if not size:
            with _translated():
                self._client.put_object(Bucket=self._bucket, Key=name, Body=b"")
            return
        try:
            parts = sorted(self._list(content, upload).items())
            tags = [{"PartNumber": index, "ETag": tag} for index, (_, tag) in parts]
            with _translated():
                self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=name,
                    UploadId=upload,
                    MultipartUpload={"Parts": tags},
                )
        except UploadGoneError:
            # Whoever was here before may have died before it could say so.
            if self.size(content) != size:
                raise
            return
        # A store may answer 200 before it is done, and say in the end that it is not.
        if self.size(content) != size:
            message = "the store does not hold what it said that it had put together"
            raise StoreUnavailableError(message)

    def read(
        self,
        content: ContentKey,
        parts: Sequence[tuple[PartKey, int]],  # noqa: ARG002
        *,
        start: int,
        end: int,
    ) -> Iterator[bytes]:
        """Read a range; where the connection breaks it goes on from there, a few times in a row."""
        place, failures = start, 0
        while place < end:
            try:
                for piece in self._stream(content, place, end):
                    place, failures = place + len(piece), 0
                    yield piece
            except StoreUnavailableError:
                failures += 1
                if failures >= _ATTEMPTS:
                    raise

    def _stream(self, content: ContentKey, start: int, end: int) -> Iterator[bytes]:
        with _translated():
            wanted = f"{start}-{end - 1}"
            answer = self._client.get_object(
                Bucket=self._bucket, Key=object_name(content), Range=f"bytes={wanted}"
            )
            if not answer.get("ContentRange", "").startswith(f"bytes {wanted}/"):
                # Taken for content, what it sends would be the end of content that is right.
                answer["Body"].close()
                message = "the store sent another range than it was asked for"
                raise StoreUnavailableError(message)
            with closing(answer["Body"]) as body:
                yield from body.iter_chunks(_PIECE_SIZE)

    def send_part(self, key: PartKey, file: BinaryIO, *, upload: str) -> None:
        """Send a part from here; the store refuses bytes of another SHA-256.

        Args:
            key: The part.
            file: Its bytes, from where it stands to its end; it is read more than once.
            upload: As `begin_upload` returned it.
        """
        with _translated():
            self._client.upload_part(
                Bucket=self._bucket,
                Key=object_name(key.content),
                UploadId=upload,
                PartNumber=key.index,
                Body=file,
                ChecksumSHA256=b64encode(bytes.fromhex(key.digest)).decode("ascii"),
            )

    def discard(self, content: ContentKey) -> None:
        """Remove the object and give up its uploads."""
        name = object_name(content)
        with _translated():
            for found, upload, _ in self._uploads(name):
                if found == name:
                    self._abort(found, upload)
            self._client.delete_object(Bucket=self._bucket, Key=name)

    def _abort(self, name: str, upload: str) -> None:
        try:
            with _translated():
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload)
        except UploadGoneError:
            return  # done by another

    def _uploads(self, prefix: str) -> Iterator[tuple[str, str, float]]:
        """List uploads under way by name, id and when they began.

        Not every store pages this list as Amazon does; what is beyond a page that leads nowhere
        comes up the next time, once what is before it is gone.
        """
        marker: dict[str, str] = {}
        while True:
            page = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix, **marker)
            for upload in page.get("Uploads", ()):
                yield upload["Key"], upload["UploadId"], upload["Initiated"].timestamp()
            following = page.get("NextKeyMarker")
            if not page.get("IsTruncated") or not following:
                return
            marker = {"KeyMarker": following, "UploadIdMarker": page["NextUploadIdMarker"]}

    def stored(self, shard: int, *, before: float) -> Iterator[Sequence[ContentKey]]:
        """List objects and uploads of a shard, a page at a time."""
        return self._pages(f"{_ROOT}{shard:02x}", before)

    def list_contents(self) -> Iterator[Sequence[ContentKey]]:
        """List all objects and uploads, of any age, a page at a time."""
        return self._pages(_ROOT, math.inf)

    def _pages(self, prefix: str, before: float) -> Iterator[Sequence[ContentKey]]:
        with _translated():
            uploads = self._uploads(prefix)
            old = [name for name, _, began in uploads if began < before]
            yield list(_parse_names(old))
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            for page in pages:
                objects = page.get("Contents", ())
                names = [o["Key"] for o in objects if o["LastModified"].timestamp() < before]
                yield list(_parse_names(names))


def _client(bucket: Bucket, endpoint: str | None, terms: Config = _PATIENT) -> Any:  # noqa: ANN401
    make: Callable[..., Any] = boto3.client
    with _translated():
        return make(
            "s3",
            endpoint_url=endpoint,
            region_name=bucket.region,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if endpoint else "auto"},
                max_pool_connections=_CONNECTIONS,
                # Part URLs carry the checksum that we choose, and no other.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ).merge(terms),
        )


def object_name(content: ContentKey) -> str:
    """Return the name of the object that holds content."""
    return f"{_ROOT}{content.binary}/{content.organization}/{content.revision}"


def _parse_names(names: Sequence[str]) -> Iterator[ContentKey]:
    for name in names:
        try:
            binary, organization, revision = name.removeprefix(_ROOT).split("/")
            yield ContentKey(
                organization=UUID(organization), binary=UUID(binary), revision=int(revision)
            )
        except ValueError:
            continue  # not ours


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what boto3 raises into the errors of a store.

    Raises:
        UploadGoneError, FileNotFoundError: there is no such upload or object.
        StoreUnavailableError: anything else.
    """
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code not in _GONE:
            message = f"{error.operation_name}: {code or error}"
            raise StoreUnavailableError(message) from error
        if code == "NoSuchUpload":
            raise UploadGoneError(code) from error
        raise FileNotFoundError(code) from error
    except BotoCoreError as error:
        raise StoreUnavailableError(str(error)) from error
