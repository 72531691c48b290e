"""Exports of help desks and chats, each in the shape in which people have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tunesmith.core.errors import DataError
from tunesmith.pipelines.clean_dialogues import Wanted, clean_dialogues
from tunesmith.synthesize.dialogues.clean import Cleaning
from tunesmith.synthesize.dialogues.fields import Chosen

RAW = Wanted(cleaning=Cleaning(links="keep", mentions="keep", keep_personal=True))


def cleaned(tmp_path: Path, name: str, content: Any, **options: Any) -> tuple[Any, list[Any]]:
    """The result, and of every row who says what."""
    file = tmp_path / name
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    file.write_text(text, "utf-8")
    out = tmp_path / "out.jsonl"
    result = clean_dialogues([str(file)], out, **{"wanted": RAW, **options}, force=True)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    return result, [[f"{m['role'][0]}: {m['content']}" for m in row["messages"]] for row in rows]


EXPECTED = [["u: It leaks.", "a: Try again.", "u: It works."]]
EXPECTED[0].append("a: Good.")

ZENDESK = {
    "tickets": [
        {
            "id": 35436,
            "subject": "Kettle",
            "description": "It leaks.",
            "requester_id": 20978392,
            "created_at": "2024-05-01T10:00:00Z",
            "comments": [
                {
                    "id": 1,
                    "type": "Comment",
                    "author_id": 20978392,
                    "body": "It leaks.",
                    "html_body": "<p>It leaks.</p>",
                    "plain_body": "It leaks.",
                    "public": True,
                    "created_at": "2024-05-01T10:00:00Z",
                },
                {
                    "id": 2,
                    "type": "Comment",
                    "author_id": 7,
                    "plain_body": "An angry one",
                    "public": False,
                    "created_at": "2024-05-01T10:01:00Z",
                },
                {
                    "id": 3,
                    "type": "Comment",
                    "author_id": 7,
                    "plain_body": "Try again.",
                    "public": True,
                    "created_at": "2024-05-01T10:02:00Z",
                },
                {
                    "id": 4,
                    "author_id": 20978392,
                    "plain_body": "It works.",
                    "public": True,
                    "created_at": "2024-05-01T10:03:00Z",
                },
                {
                    "id": 5,
                    "author_id": 8,
                    "plain_body": "Good.",
                    "public": True,
                    "created_at": "2024-05-01T10:04:00Z",
                },
            ],
        }
    ]
}
INTERCOM = {
    "type": "conversation.list",
    "conversations": [
        {
            "type": "conversation",
            "id": "147",
            "created_at": 1714557600,
            "source": {
                "type": "conversation",
                "body": "<p>It leaks.</p>",
                "author": {"type": "user", "id": "5f", "name": "Anna", "email": "a@b.example"},
            },
            "conversation_parts": {
                "type": "conversation_part.list",
                "conversation_parts": [
                    {
                        "part_type": "comment",
                        "body": "<p>Try again.</p>",
                        "created_at": 1714557660,
                        "author": {"type": "admin", "id": "9", "name": "Bo"},
                    },
                    {
                        "part_type": "note",
                        "body": "<p>secret</p>",
                        "created_at": 1714557661,
                        "author": {"type": "admin", "id": "9", "name": "Bo"},
                    },
                    {
                        "part_type": "comment",
                        "body": "<p>It works.</p>",
                        "created_at": 1714557670,
                        "author": {"type": "user", "id": "5f", "name": "Anna"},
                    },
                    {
                        "part_type": "close",
                        "body": "Good.",
                        "created_at": 1714557680,
                        "author": {"type": "admin", "id": "9", "name": "Bo"},
                    },
                    {
                        "part_type": "assignment",
                        "body": None,
                        "created_at": 1714557690,
                        "author": {"type": "bot", "id": "0", "name": "Operator"},
                    },
                ],
            },
        }
    ],
}
FRESHDESK = [
    {
        "id": 20,
        "description": "<div>It leaks.</div>",
        "description_text": "It leaks.",
        "requester_id": 1,
        "created_at": "2024-05-01T10:00:00Z",
        "conversations": [
            {
                "id": 1,
                "body": "<div>Try again.</div>",
                "body_text": "Try again.",
                "incoming": False,
                "private": False,
                "user_id": 3,
                "created_at": "2024-05-01T10:01:00Z",
            },
            {
                "id": 2,
                "body_text": "secret",
                "incoming": False,
                "private": True,
                "user_id": 3,
                "created_at": "2024-05-01T10:01:30Z",
            },
            {
                "id": 3,
                "body_text": "It works.",
                "incoming": True,
                "private": False,
                "user_id": 1,
                "created_at": "2024-05-01T10:02:00Z",
            },
            {
                "id": 4,
                "body_text": "Good.",
                "incoming": False,
                "private": False,
                "user_id": 3,
                "created_at": "2024-05-01T10:03:00Z",
            },
        ],
    }
]
HELPSCOUT = [  # the newest thread first
    {
        "id": 10,
        "threads": [
            {"type": "message", "body": "Good.", "createdAt": "2024-05-01T10:03:00Z",
             "createdBy": {"type": "user", "id": 4}, "author": {"role": "agent"}},
            {"type": "customer", "body": "It works.", "createdAt": "2024-05-01T10:02:00Z",
             "author": {"role": "customer"}},
            {"type": "note", "body": "secret", "createdAt": "2024-05-01T10:01:30Z",
             "author": {"role": "agent"}},
            {"type": "message", "body": "Try again.", "createdAt": "2024-05-01T10:01:00Z",
             "author": {"role": "agent"}},
            {"type": "customer", "body": "It leaks.", "createdAt": "2024-05-01T10:00:00Z",
             "author": {"role": "customer"}},
        ],
    }
]  # fmt: skip
SLACK = [
    {"type": "message", "user": "U1", "text": "It leaks.", "ts": "1714557600.1", "thread_ts":
     "1714557600.1"},
    {"type": "message", "subtype": "channel_join", "user": "U2", "text": "<@U2> has joined the "
     "channel", "ts": "1714557601.1"},
    {"type": "message", "user": "U2", "text": "Try again.", "ts": "1714557602.1", "thread_ts":
     "1714557600.1"},
    {"type": "message", "user": "U1", "text": "It works.", "ts": "1714557603.1", "thread_ts":
     "1714557600.1"},
    {"type": "message", "user": "U2", "text": "Good.", "ts": "1714557604.1", "thread_ts":
     "1714557600.1"},
]  # fmt: skip
CHAT = {"messages": [
    {"role": "user", "content": "It leaks."}, {"role": "assistant", "content": "Try again."},
    {"role": "user", "content": "It works."}, {"role": "assistant", "content": "Good."},
]}  # fmt: skip
TWITTER = """\
tweet_id,author_id,inbound,created_at,text,response_tweet_id,in_response_to_tweet_id
4,AcmeHelp,False,Tue Oct 31 22:13:47 +0000 2017,Good.,,3
1,115712,True,Tue Oct 31 22:10:47 +0000 2017,It leaks.,2,
3,115712,True,Tue Oct 31 22:12:47 +0000 2017,It works.,4,2
2,AcmeHelp,False,Tue Oct 31 22:11:47 +0000 2017,Try again.,3,1
"""
CSV = """\
ticket_id,created_at,from,body
7,2024-05-01 10:02,Anna,It works.
7,2024-05-01 10:00,Anna,It leaks.
8,2024-05-02 09:00,Carl,Hello?
7,2024-05-01 10:01,Bo,Try again.
7,2024-05-01 10:03,Bo,Good.
"""
ROLES = """\
conversation_id;sender_type;message
1;Customer;It leaks.
1;Agent;Try again.
1;System;Agent Bo has joined the chat
1;Customer;It works.
1;Agent;Good.
"""
CHINESE = """\
会话ID,发送时间,角色,消息内容
1,2024-05-01 10:00:00,用户,It leaks.
1,2024-05-01 10:01:00,客服,Try again.
1,2024-05-01 10:02:00,用户,It works.
1,2024-05-01 10:03:00,客服,Good.
"""
UNITED_STATES = """\
case number,date,direction,text
1,5/1/2024 9:03 AM,outbound,Good.
1,4/30/2024 11:00 PM,in,It leaks.
1,5/1/2024 12:01 AM,outbound,Try again.
1,5/1/2024 9:02 AM,in,It works.
"""
DAY_FIRST = """\
case number,date,is_agent,text
1,02/05/2024 09:03,1,Good.
1,30/04/2024 23:00,0,It leaks.
1,01/05/2024 00:01,1,Try again.
1,01/05/2024 09:02,0,It works.
"""
NUMBERED = """\
dialogue_id,turn,speaker,utterance
a,3,Customer 1,It works.
a,1,Customer 1,It leaks.
a,2,Agent 2,Try again.
a,10,Agent 2,Good.
"""
SHAPES = {
    "zendesk.json": ZENDESK,
    "intercom.json": INTERCOM,
    "freshdesk.json": FRESHDESK,
    "helpscout.json": HELPSCOUT,
    "slack.json": SLACK,
    "chat.jsonl": CHAT,
    "twitter.csv": TWITTER,
    "helpdesk.csv": CSV,
    "roles.csv": ROLES,
    "chinese.csv": CHINESE,
    "united_states.csv": UNITED_STATES,
    "day_first.csv": DAY_FIRST,
    "numbered.csv": NUMBERED,
}


@pytest.mark.parametrize("name", SHAPES)
def test_an_export_becomes_the_conversation_it_holds(tmp_path, name):
    result, rows = cleaned(tmp_path, name, SHAPES[name])

    assert rows == EXPECTED
    told, messages = result["conversations"], result["messages"]
    assert told["found"] == told["written"] + told["skipped"]
    assert messages["found"] == messages["kept"] + messages["merged"] + messages["dropped"]


def test_the_fields_that_were_found_are_told(tmp_path):
    result, _ = cleaned(tmp_path, "tickets.csv", CSV)
    assert result["files"][0]["shape"] == "table"
    assert result["files"][0]["fields"] == {
        "text": "body", "conversation": "ticket_id", "speaker": "from", "time": "created_at",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("ticket_id,from,words", r"t\.csv: no column .* what is said.*'words'.*--text"),
        ("number,from,body", r"t\.csv: no column .* the conversation.*'number'.*--conversation"),
        ("ticket_id,subject,body", r"t\.csv: no column .* who writes.*'subject'.*--speaker"),
        ("ticket_id,from,body,message", r"t\.csv: 'body' and 'message' .* the text.*--text"),
        ("ticket_id,case_id,from,body", r"'ticket_id' and 'case_id' .*--conversation"),
    ],
)
def test_unclear_columns_are_named_with_the_option(tmp_path, header, message):
    row = ",".join("x" for _ in header.split(","))
    with pytest.raises(DataError, match=message):
        cleaned(tmp_path, "t.csv", f"{header}\n{row}\n")


def test_each_field_can_be_chosen(tmp_path):
    table = "nr,when,who,words,n\n1,x,B,Good.,2\n1,x,A,It leaks.,1\n"
    chosen = Chosen(conversation="nr", speaker="who", text="words", time="when", order="n")
    _, rows = cleaned(tmp_path, "t.csv", table, chosen=chosen)
    assert rows == [["u: It leaks.", "a: Good."]]


def test_a_chosen_field_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no field 'wrods' as --text says. Did you mean 'words'"):
        cleaned(tmp_path, "t.csv", "nr,who,words\n1,A,x\n", chosen=Chosen(text="wrods"))


def test_an_agent_can_be_named_by_a_pattern(tmp_path):
    table = (
        "ticket_id,from,body\n1,bo@acme.example,How is it?\n1,anna@x.example,It leaks.\n"
        "1,cy@acme.example,Good.\n"
    )
    _, rows = cleaned(tmp_path, "t.csv", table, agents=["*@acme.example"])
    assert rows == [["u: It leaks.", "a: Good."]]
    with pytest.raises(DataError, match=r"no speaker matches --agent 'zoe'"):
        cleaned(tmp_path, "t.csv", table, agents=["zoe"])


def test_the_companys_account_is_known_by_its_many_conversations(tmp_path):
    lines = ["ticket_id,from,body"]
    for n in range(4):  # the company writes first
        lines += [
            f"{n},Acme Shop,How is it {n}?",
            f"{n},c{n},It leaks {n}.",
            f"{n},Acme Shop,Good.",
        ]
    result, rows = cleaned(tmp_path, "t.csv", "\n".join(lines))
    assert rows[0] == ["u: It leaks 0.", "a: Good."]
    assert result["told_by"] == {"company": 4}


def test_several_speakers_of_whom_none_is_known_are_skipped_with_their_place(tmp_path):
    table = "ticket_id,from,body\n1,A,x\n1,B,y\n1,C,z\n2,A,u\n2,B,v\n"
    result, rows = cleaned(tmp_path, "t.csv", table)
    assert rows == [["u: u", "a: v"]]
    (reason,) = result["conversations"]["reasons"]
    assert "several speakers" in reason["reason"] and reason["places"] == [
        f"{tmp_path / 't.csv'}:2"
    ]


def test_customers_who_join_a_thread_have_their_own_conversation_in_one_group(tmp_path):
    table = TWITTER + (
        "5,999,True,Tue Oct 31 22:14:47 +0000 2017,Mine too.,6,2\n"
        "6,AcmeHelp,False,Tue Oct 31 22:15:47 +0000 2017,Look here.,,5\n"
    )
    out = tmp_path / "out.jsonl"
    _, rows = cleaned(tmp_path, "t.csv", table)
    assert sorted(rows) == sorted([EXPECTED[0], ["u: Mine too.", "a: Look here."]])
    assert {json.loads(line)["group"] for line in out.read_text().splitlines()} == {"1"}


def test_replies_in_a_circle_and_to_nothing_are_counted(tmp_path):
    table = TWITTER + "8,1,True,x,a,,9\n9,1,True,x,b,,8\n10,1,True,x,c,,777\n"
    result, rows = cleaned(tmp_path, "t.csv", table)
    assert rows == EXPECTED
    assert result["conversations"]["reasons"][0]["conversations"] == 3


def test_broken_rows_are_counted_with_their_place(tmp_path):
    result, rows = cleaned(tmp_path, "t.csv", CSV + "7,only two\n,x,Anna,nowhere\n")
    assert rows == EXPECTED
    reasons = {entry["reason"]: entry["places"] for entry in result["messages"]["reasons"]}
    assert reasons["2 cells, but the header has 4 columns"] == [f"{tmp_path / 't.csv'}:7"]
    assert reasons["no conversation is told"] == [f"{tmp_path / 't.csv'}:8"]


def test_a_time_that_cannot_be_read_leaves_the_order_of_the_file_and_is_told(tmp_path):
    table = "ticket_id,time,from,body\n1,soonish,A,It leaks.\n1,later,B,Good.\n"
    result, rows = cleaned(tmp_path, "t.csv", table)
    assert rows == [["u: It leaks.", "a: Good."]]
    assert "1 conversations whose times cannot be read" in result["notices"][0]
