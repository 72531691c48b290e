"""Documents: one reader per kind of file, each run in a limited process."""

from __future__ import annotations

READERS = {
    "docx": "tunesmith.synthesize.documents.docx:read",
    "pptx": "tunesmith.synthesize.documents.pptx:read",
    "xlsx": "tunesmith.synthesize.documents.xlsx:read",
    "epub": "tunesmith.synthesize.documents.epub:read",
    "pdf": "tunesmith.synthesize.documents.pdf:read",
    "html": "tunesmith.synthesize.documents.html:read",
    "markdown": "tunesmith.synthesize.documents.markdown:read",
    "csv": "tunesmith.synthesize.documents.csv_table:read",
    "text": "tunesmith.synthesize.documents.text:read",
}
"""Kind -> ``read(data, page)``: fills a :class:`~tunesmith.synthesize.documents.writer.Writer`."""
