"""Files -> examples, each with its place; no torch here."""

from tunesmith.core.registry import Registry
from tunesmith.data.format import Format

FORMATS: Registry[Format] = Registry(
    "format",
    {
        # Asked in this order which of them recognises a record, the most particular first.
        "tweetsumm": "tunesmith.data.formats.tweetsumm:TweetSumm",
        "dialogsum": "tunesmith.data.formats.dialogsum:DialogSum",
        "self-instruct": "tunesmith.data.formats.self_instruct:SelfInstruct",
        "squad": "tunesmith.data.formats.squad:Squad",
        "preference": "tunesmith.data.formats.preference:PreferencePairs",
        "kto": "tunesmith.data.formats.kto:Kto",
        "messages": "tunesmith.data.formats.messages:ChatMessages",
        "sharegpt": "tunesmith.data.formats.sharegpt:ShareGPT",
        "alpaca": "tunesmith.data.formats.alpaca:Alpaca",
        "columns": "tunesmith.data.formats.columns:Columns",
        "labels": "tunesmith.data.formats.labels:Labels",
        "text": "tunesmith.data.formats.text:PlainText",
    },
)
