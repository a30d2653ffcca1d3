"""One zstd frame, read and written piece by piece. The only module that knows the compression.

A frame decides how much memory its reader needs (the window), so that is bounded; and a few bytes
of it can stand for many, so no more is unpacked at once than was asked for.

Spec: docs/formats/bundle-archive.md section 2; RFC 8878.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import BinaryIO

from signkit.errors import MalformedError, TooLargeError
from signkit.formats.content import Advance

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL = 3
_PIECE_SIZE = 128 * 1024
_WINDOW_LOG = 23  # 8 MiB, which RFC 8878 section 3.1.1.1.2 asks every reader to have
# How libzstd says that a frame asks for a larger window (ZSTD_error_frameParameter_windowTooLarge).
_TOO_MUCH = "too much memory"


class FrameReader:
    """The content of the one frame that a file holds."""

    def __init__(self, file: BinaryIO, *, advance: Advance) -> None:
        """Begin at the file's place.

        Args:
            file: Its `read` may return fewer bytes than asked for.
            advance: Called with the bytes of the file that were read.
        """
        self._file = file
        self._advance = advance
        self._frame = zstd.ZstdDecompressor(
            options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        )

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most size of them; none only at the end of the frame.

        Raises:
            MalformedError: it is no zstd frame, it is damaged, or it ends too early.
            TooLargeError: it asks for a window of more than 8 MiB.
        """
        while not self._frame.eof:
            data = self._file.read(_PIECE_SIZE) if self._frame.needs_input else b""
            if self._frame.needs_input and not data:
                message = "it ends in the middle of its zstd frame"
                raise MalformedError(message, hint="get the file again")
            self._advance(len(data))
            piece = self._unpack(data, size)
            if piece:
                return piece
        return b""

    def finish(self) -> None:
        """Check that the frame is read to its end, and is the whole file.

        Raises:
            MalformedError: there is more.
        """
        if self.read(1) or self._frame.unused_data or self._file.read(1):
            message = "it goes on after the end of its archive: expected one zstd frame"
            raise MalformedError(message)

    def _unpack(self, data: bytes, size: int) -> bytes:
        try:
            return self._frame.decompress(data, size)
        except zstd.ZstdError as error:
            if _TOO_MUCH in str(error):
                message = "its zstd frame asks for too much memory: expected a window of 8 MiB"
                hint = "pack it again without --long and --ultra"
                raise TooLargeError(message, hint=hint) from error
            message = "it is no zstd frame, or it is damaged"
            raise MalformedError(message, hint="get the file again") from error


class FrameWriter:
    """One frame on its way into a file; the same content gives the same bytes."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Take where the frame goes."""
        self._write = write
        parameter = zstd.CompressionParameter
        self._frame = zstd.ZstdCompressor(
            options={parameter.compression_level: _LEVEL, parameter.checksum_flag: 1}
        )

    def write(self, data: bytes) -> None:
        """Append content."""
        self._write(self._frame.compress(data))

    def finish(self) -> None:
        """End the frame."""
        self._write(self._frame.flush(self._frame.FLUSH_FRAME))
