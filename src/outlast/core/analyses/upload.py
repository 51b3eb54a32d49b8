"""`Upload`: the type of an uploaded file in the signature of an analysis, and how its code reads the file."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, BinaryIO, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticSerializationUnexpectedValue, core_schema

from outlast.core.analyses import context
from outlast.domain.errors import Permanent
from outlast.domain.messages import message
from outlast.ports.blobs import Blobs

REFERENCE: Final = re.compile(r"upload:[0-9a-f]{64}")


class Upload:
    """A file that the session's owner uploaded, named by its content: `upload:<sha256>`."""

    __slots__ = ("sha256",)

    def __init__(self, sha256: str) -> None:
        self.sha256 = sha256
        """The SHA-256 of the content, 64 hexadecimal digits."""

    def __repr__(self) -> str:
        return f"upload:{self.sha256}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Upload) and other.sha256 == self.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def open(self) -> BinaryIO:
        """Return the content as a file that the caller closes, for a `def` analysis or step.

        Nothing stays on disk. Raises `Permanent` if the upload has expired, `RuntimeError` outside an analysis.
        """
        return context.current_or_raise().open_upload_blocking(self.sha256)

    async def aopen(self) -> BinaryIO:
        """Like `open`, for `async def` code. The returned file is an ordinary blocking one."""
        return await context.current_or_raise().open_upload(self.sha256)

    def name(self) -> str:
        """Return the original file name, which is for display and never a path. Works wherever `open` works."""
        return context.current_or_raise().upload_name_blocking(self.sha256)

    async def aname(self) -> str:
        """Like `name`, for `async def` code; works wherever `head` works."""
        return await context.uploads().upload_name(self.sha256)

    async def head(self, size: int) -> bytes:
        """Return the first `size` bytes at most, in `async def` code of an analysis or of its `check`."""
        head = bytearray()
        chunks = context.uploads().upload(self.sha256)
        try:
            async for chunk in chunks:
                head += chunk
                if len(head) >= size:
                    break
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        return bytes(head[:size])

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.no_info_plain_validator_function(cls._parse)
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text]),
            serialization=core_schema.plain_serializer_function_ser_schema(cls._dump),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "upload", "pattern": f"^{REFERENCE.pattern}$"}

    @classmethod
    def _dump(cls, value: object) -> str:
        if isinstance(value, cls):
            return repr(value)
        raise PydanticSerializationUnexpectedValue(
            "it is not an upload"
        )  # another member of a union may serialize it

    @classmethod
    def _parse(cls, value: object) -> "Upload":
        if isinstance(value, str) and REFERENCE.fullmatch(value):
            return cls(value.removeprefix("upload:"))
        raise ValueError("name an uploaded file as upload:<sha256>, the `source` that the upload answered with")


class OwnedUploads:
    """The uploads of one owner, as analysis code reads them."""

    def __init__(self, blobs: Blobs, owner: str) -> None:
        self._blobs = blobs
        self._owner = owner

    async def upload(self, sha256: str) -> AsyncIterator[bytes]:
        """Yield the content in chunks; raises `Permanent` if there is no such upload."""
        await self.upload_name(sha256)
        async for chunk in self._blobs.chunks(self._owner, sha256):
            yield chunk

    async def upload_name(self, sha256: str) -> str:
        """Return the file name; raises `Permanent` if there is no such upload."""
        stored = await self._blobs.find(self._owner, sha256)
        if stored is None:
            raise Permanent(message("The uploaded file has expired. Please upload it again."))
        return stored.name
