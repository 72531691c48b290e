"""Files -> examples, each with its place; no torch here."""

from tunesmith.core.registry import Registry
from tunesmith.data.format import Format

FORMATS: Registry[Format] = Registry(
    "format",
    {
        # Asked in this order which of them recognises a record, the most particular first.
        "tweetsumm": "tunesmith.data.tweetsumm:TweetSumm",
        "dialogsum": "tunesmith.data.dialogsum:DialogSum",
        "messages": "tunesmith.data.messages:ChatMessages",
        "alpaca": "tunesmith.data.alpaca:Alpaca",
        "text": "tunesmith.data.text:PlainText",
        "columns": "tunesmith.data.columns:Columns",
    },
)
