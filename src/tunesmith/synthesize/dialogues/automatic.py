"""Automatic: messages that nobody wrote: ``Ticket was closed``, out-of-office replies."""

from __future__ import annotations

import re

LONGEST = 240
"""Characters of a notice; a longer text says something else besides."""
NOTICE = re.compile(
    r"\W*(?:"
    r"(?:this |the |your )?(?:ticket|case|conversation|chat|issue|request|session)\b"
    r"(?: (?:#|no\.? ?)?[\w<>-]+)? (?:was|has been|is now|is|were) (?:automatically )?"
    r"(?:closed|resolved|reopened|re-opened|solved|assigned|merged|created|opened|ended|escalated|"
    r"transferred|updated|deleted|snoozed|on hold|marked|archived)\b[^.!?\n]*"
    r"|(?:chat|conversation|session|call) (?:started|ended|closed|transferred|disconnected)"
    r"[^.!?\n]*"
    r"|(?:status|priority|assignee|tags?|subject|group) (?:was |has been )?(?:changed|set|updated|"
    r"added|removed)[^.!?\n]*"
    r"|(?:\S+ ){1,4}(?:has |have )?(?:joined|left|entered|exited) the "
    r"(?:chat|conversation|channel|room|call|session)"
    r"|(?:visitor|user|customer|agent|client) (?:is typing|disconnected|went offline|came online|"
    r"has disconnected|timed out)[^.!?\n]*"
    r"|you are now (?:connected|chatting) (?:to|with) [^.!?\n]+"
    r"|(?:automatic reply|auto-?reply|out of office|autoresponder|abwesenheitsnotiz|"
    r"automatische antwort|respuesta automática|réponse automatique|自动回复|"
    r"自動返信)(?:[:：]| -)?.*"
    r"|(?:this is an? (?:automated|automatic) (?:message|reply|response|e-?mail)).*"
    r"|您?的?(?:会话|对话|工单|服务)(?:[\w<>#-]+)?(?:已|被)(?:自动)?(?:结束|关闭|解决|创建|转接|分配|"
    r"重新打开)[^。！？\n]*"
    r"|(?:系统消息|系统提示|系统通知)[:：]?.*"
    r"|.{1,20}(?:加入|离开|进入|退出)了?(?:会话|聊天|对话|群聊)"
    r"|(?:das )?ticket (?:\S+ )?wurde [^.!?\n]*"
    r"|(?:el )?(?:ticket|caso) (?:\S+ )?(?:ha sido|fue) [^.!?\n]*"
    r")\W*",
    re.I | re.S,
)


def is_notice(text: str) -> bool:
    """Whether a cleaned message is a notice or an answer of a machine."""
    return len(text) <= LONGEST and NOTICE.fullmatch(text) is not None
