"""Limits: what reading one document may cost."""

from __future__ import annotations

from pydantic import Field

from tunesmith.core.part import Settings


class Limits(Settings):
    """Bounds of one document; what passes one is skipped and named."""

    memory_mib: int = Field(default=1024, ge=256)
    """Address space of the process that reads."""
    cpu_s: int = Field(default=60, ge=1)
    """Seconds of computing for a document."""
    wall_s: float = Field(default=120.0, gt=0)
    """Seconds a document may take by the clock."""
    file_mib: int = Field(default=128, ge=1)
    """Size of the file."""
    unpacked_mib: int = Field(default=256, ge=1)
    """Size of everything in a container (docx, pptx, xlsx, epub) when it is unpacked."""
    members: int = Field(default=4096, ge=1)
    """Files in a container."""
