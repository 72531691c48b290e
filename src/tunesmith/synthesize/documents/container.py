"""Containers: a docx is a zip; what no office program writes is refused before it is unpacked."""

from __future__ import annotations

import importlib
import io
import re
import stat
import zipfile
import zlib
from typing import Any
from xml.parsers import expat

from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.refusal import Refusal

LARGEST_RATIO = 200
"""Unpacked bytes for each packed one; real documents have 3 to 20."""
ALWAYS_UNPACKED = 2**26
"""Unpacked bytes that are never asked for their ratio: 64 MiB."""
DRIVE = re.compile(r"[A-Za-z]:")
ENCRYPTED = 1
"""Bit of a member's flags."""


class Container:
    """A zip whose directory is sound; members are read into memory, never written out.

    Args:
        data: the file.
        limits: how large it may become.

    Raises:
        Refusal: too many members, too large when unpacked, locked, damaged, or with a member that
            reaches out of it.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise Refusal(f"the container is damaged ({error}). Save the document anew.") from None
        members = self._zip.infolist()
        if len(members) > limits.members:
            raise Refusal(
                f"{len(members):,} files in it, more than {limits.members:,}. Save it anew."
            )
        for member in members:
            _refuse_harm(member)
        self.names = {member.filename for member in members}
        if len(self.names) < len(members):
            raise Refusal("two files in it have the same name. Save the document anew.")
        size = sum(member.file_size for member in members)
        if size > min(limits.unpacked_mib * 2**20, max(ALWAYS_UNPACKED, LARGEST_RATIO * len(data))):
            raise Refusal(
                f"too large when unpacked: {len(data):,} bytes become {size:,}. If it is meant to "
                "be, take the pictures out and save it anew."
            )

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            Refusal: it is damaged, or another size than the directory says.
        """
        try:
            return self._zip.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise Refusal(f"{name} in it is damaged ({error}). Save the document anew.") from None

    def refuse_declarations(self) -> None:
        """Refuses entities in all members that are XML, before another library reads them.

        Raises:
            Refusal: one is damaged, or declares a document type.
        """
        for name in sorted(self.names):
            if name.lower().endswith((".xml", ".rels", ".vml")):
                refuse_declarations(name, self.read(name))

    def xml(self, name: str) -> Any:
        """The root element of a member that is XML.

        Raises:
            Refusal: it is damaged, or declares entities.
        """
        etree: Any = importlib.import_module("lxml.etree")
        data = self.read(name)
        refuse_declarations(name, data)
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
        )
        try:
            return etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            if error.code in (etree.ErrorTypes.ERR_NO_MEMORY, etree.ErrorTypes.ERR_OK):
                raise MemoryError from None  # it says so, or has no room left to say anything
            raise Refusal(
                f"{name} in it is broken XML ({error}). Save the document anew."
            ) from None


class _PrologueEnded(Exception):
    """The first element begins: nothing can be declared any more."""


def refuse_declarations(name: str, data: bytes) -> None:
    """Refuses XML with a document type, where entities would be declared.

    Office programs write none. Entities that name files or addresses would be fetched by a reader
    that trusts them, and entities made of entities grow without bound.

    Raises:
        Refusal: there is one, or the head of the XML cannot be read.
    """

    def declared(*_: object) -> None:
        raise Refusal(
            f"{name} in it declares a document type (<!DOCTYPE>), as no office program does; it "
            "could name other files or grow without bound. Save the document anew."
        )

    def ended(*_: object) -> None:
        raise _PrologueEnded

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler = ended
    try:
        parser.Parse(data, True)
    except _PrologueEnded:
        return
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise Refusal(f"{name} in it is broken XML ({error}). Save the document anew.") from None


def _refuse_harm(member: zipfile.ZipInfo) -> None:
    # Not ``filename``: the library has made that harmless for this system already.
    name = member.orig_filename
    if stat.S_ISLNK(member.external_attr >> 16):
        what = "is a link"
    elif name.startswith("/") or ".." in name.split("/") or "\\" in name or DRIVE.match(name):
        what = "leads out of it"
    elif "\0" in name:
        what = "has a name that is cut off"
    elif member.flag_bits & ENCRYPTED:
        raise Refusal("needs a password. Save it without one.")
    else:
        return
    raise Refusal(f"the file {name!r} in it {what}. No office program writes this; save it anew.")
