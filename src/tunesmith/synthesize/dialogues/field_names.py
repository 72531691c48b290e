"""Field names: what exports call the conversation, the speaker, the text and the rest."""

from __future__ import annotations

import re

CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
BETWEEN = re.compile(r"[\W_]+")

Tiers = tuple[frozenset[str], ...]


def _names(*tiers: str) -> Tiers:
    return tuple(frozenset(tier.split()) for tier in tiers)


CONVERSATION = _names(
    "conversation_id conversation_uuid ticket_id ticket_number ticket_no ticket_nr ticket_key "
    "case_id case_number case_no thread_id thread_ts chat_id dialogue_id dialog_id session_id "
    "issue_id issue_key request_id conv_id 会话id 会话编号 会话号 对话id 对话编号 工单号 工单编号 "
    "工单id conversacion_id id_conversacion id_ticket id_conversation numero_de_ticket "
    "numero_ticket ticketnummer vorgangsnummer id_conversa conversa_id",
    "conversation ticket case thread chat dialogue dialog session 会话 对话 工单 vorgang",
)
TEXT = _names(
    "plain_body plain_text body_text text_body body_plain text_plain",
    "text body message content message_text message_body message_content msg utterance comment "
    "comment_body reply value said texto mensaje contenido nachricht inhalt contenu mensagem "
    "内容 消息 消息内容 文本 聊天内容 发言",
    "html_body body_html html content_html message_html description_text description 描述",
)
SPEAKER = tuple(
    "speaker author_name sender_name from_name user_name username agent_name author sender from "
    "created_by_name created_by author_email sender_email from_email created_by_email author_id "
    "sender_id from_id created_by_id user user_id name bot_id 发送者 发送人 发言人 说话人 作者 "
    "昵称 absender autor autora remitente expediteur auteur remetente".split()
)
"""In the order in which they are taken."""
AUTHOR = tuple(
    "author_id sender_id from_id user_id created_by_id author_email sender_email from_email".split()
)
REQUESTER = tuple(
    "requester_id customer_id contact_id requester_email customer_email contact_email".split()
)
"""Who asked; beside the author it tells who writes."""
ROLE = tuple(
    "role author_role sender_role speaker_role user_role sender_type author_type from_type "
    "user_type speaker_type participant_type created_by_type actor_type author_kind 角色 身份 "
    "发送者类型 发送方 rolle rol".split()
)
BY_CUSTOMER = tuple(
    "inbound is_inbound incoming is_incoming from_customer is_customer by_customer is_user "
    "is_from_customer".split()
)
"""True: the customer writes."""
BY_AGENT = tuple(
    "is_agent from_agent by_agent outbound is_outbound outgoing is_outgoing is_staff is_admin "
    "from_company is_from_agent".split()
)
"""True: the agent writes."""
DIRECTION = ("direction", "message_direction", "方向", "消息方向", "richtung", "direccion")
PRIVATE = tuple("private is_private internal is_internal internal_note is_note".split())
PUBLIC = ("public", "is_public")
KIND = tuple(
    "type kind event_type message_type part_type subtype activity_type visibility 消息类型".split()
)
TIME = tuple(
    "created_at timestamp sent_at datetime date_time time date created created_time created_on "
    "creation_date creation_time message_time sent sent_time send_time sent_on posted_at "
    "received_at ts 时间 发送时间 创建时间 消息时间 日期 fecha fecha_hora datum zeitpunkt zeit "
    "data_hora updated_at".split()
)
ORDER = tuple(
    "order seq sequence sequence_number turn turn_id turn_number turn_no turn_index message_index "
    "message_number message_no msg_index position step utterance_idx 序号 顺序 轮次".split()
)
ID = tuple("tweet_id message_id msg_id comment_id post_id id".split())
PARENT = tuple(
    "in_response_to_tweet_id in_reply_to_status_id in_reply_to_id in_reply_to in_response_to "
    "reply_to_id reply_to parent_message_id parent_id".split()
)
MESSAGES = tuple(
    "comments messages conversation_parts turns utterances threads articles replies conversations "
    "conversation dialogue dialog thread events interactions posts history chat log transcript "
    "parts notes 消息 对话 聊天记录".split()
)
"""Lists of messages inside a ticket."""


def plain(name: str) -> str:
    """A field's name as it is compared: ``createdAt``, ``Created At``: ``created_at``."""
    return BETWEEN.sub("_", CAMEL.sub("_", name.strip()).lower()).strip("_")


SUMMARY = ("summary", "abstract", "摘要", "总结")
OPENING = ("source_body", "description_text", "description", "body", "question")
"""What a ticket was opened with, where it is not among its messages."""
