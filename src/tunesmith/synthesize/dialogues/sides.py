"""Sides: words and flags of an export that tell the agent from the customer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tunesmith.synthesize.dialogues.fields import Fields
from tunesmith.synthesize.dialogues.said import Side

AGENT = (
    "agent support staff admin administrator operator representative rep csr advisor adviser "
    "assistant bot chatbot employee helpdesk technician consultant teammate company brand business "
    "seller merchant gpt model support_agent customer_support customer_service support_team "
    "service_agent service_desk help_desk agent_reply virtual_assistant supporter specialist "
    "客服 坐席 座席 人工客服 客服人员 客服专员 在线客服 机器人 智能客服 商家 卖家 员工 店家 "
    "agente soporte asesor asesora operador operadora atendente suporte atendimento "
    "berater beraterin mitarbeiter mitarbeiterin kundenservice kundendienst kundenberater "
    "conseiller conseillere conseillère operatore assistenza オペレーター サポート 担当者 "
    "상담원 상담사 агент оператор поддержка"
)
CUSTOMER = (
    "customer client user end_user enduser visitor consumer requester contact lead buyer guest "
    "shopper member human caller passenger patient inquirer seeker "
    "客户 用户 顾客 买家 访客 消费者 会员 cliente usuario usuaria usuário kunde kundin nutzer "
    "benutzer besucher utilisateur utilisatrice visiteur acheteur お客様 顧客 ユーザー "
    "고객 사용자 клиент пользователь покупатель"
)
AUTOMATIC = (
    "system auto automatic automation automated workflow trigger notification event activity "
    "note notes internal internal_note private private_note privatenote system_message "
    "系统 系统消息 系统通知 内部备注 备注 sistema système systeme システム 시스템 система "
    "channel_join channel_leave channel_topic channel_purpose bot_add"
)
WORDS: Mapping[str, Side] = {
    **dict.fromkeys(AGENT.split(), "agent"),
    **dict.fromkeys(CUSTOMER.split(), "customer"),
    **dict.fromkeys(AUTOMATIC.split(), "automatic"),
}
INWARD = frozenset(
    "inbound incoming in received receive 接收 收到 客户发送 entrante eingehend".split()
)
OUTWARD = frozenset("outbound outgoing out sent send 发送 发出 客服发送 saliente ausgehend".split())
YES = frozenset("true 1 1.0 yes y t 是 si sí ja oui".split())
NO = frozenset("false 0 0.0 no n f 否 nein non".split())
BETWEEN = re.compile(r"[\W_]+")


def side_of_word(word: Any) -> Side:
    """Who is meant by a word such as ``End-User``, ``客服`` or ``agent_12``; empty: unknown."""
    if not isinstance(word, str):
        return ""
    name = BETWEEN.sub("_", word.strip().lower()).strip("_")
    return WORDS.get(name) or WORDS.get(re.sub(r"_?\d+$", "", name), "")


def is_true(value: Any) -> bool | None:
    """A flag as a cell or JSON writes it; None: neither yes nor no."""
    word = str(value).strip().lower()
    return True if word in YES else False if word in NO else None


def told_side(record: Mapping[str, Any], fields: Fields) -> tuple[Side, str]:
    """The side that a record's own fields tell, and whether by a ``flag`` or by a ``word``."""
    if _is_private(record, fields):
        return "automatic", "flag"
    kind = side_of_word(_value(record, fields.kind))
    role = side_of_word(_value(record, fields.role))
    if "automatic" in (kind, role):
        return "automatic", "word"
    for key, meant, other in (
        (fields.by_customer, "customer", "agent"),
        (fields.by_agent, "agent", "customer"),
    ):
        flag = is_true(_value(record, key)) if key else None
        if flag is not None:
            return (meant if flag else other), "flag"  # type: ignore[return-value]
    for key in (fields.direction, fields.kind):
        direction = str(_value(record, key) or "").strip().lower()
        if direction in INWARD or direction in OUTWARD:
            return ("customer" if direction in INWARD else "agent"), "flag"
    if role:
        return role, "word"
    if by_name := side_of_word(_value(record, fields.speaker)):
        return by_name, "word"
    if kind:
        return kind, "word"
    author, requester = _value(record, fields.author), _value(record, fields.requester)
    if author and requester:
        return ("customer" if str(author) == str(requester) else "agent"), "flag"
    return "", ""


def _is_private(record: Mapping[str, Any], fields: Fields) -> bool:
    private = is_true(_value(record, fields.private)) if fields.private else None
    public = is_true(_value(record, fields.public)) if fields.public else None
    return private is True or public is False


def _value(record: Mapping[str, Any], key: str | None) -> Any:
    return record.get(key) if key else None
