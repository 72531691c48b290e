"""Mail: what mails carry below their text: quoted mails, footers, greetings and signatures."""

from __future__ import annotations

import re

QUOTE_HEADS = re.compile(
    r"(?:^|\n)[ \t]*(?:"
    r"On\b[^\n]{4,200}?\n?[^\n]{0,120}?\bwrote:"
    r"|Am\b[^\n]{4,200}?\n?[^\n]{0,120}?\bschrieb\b[^\n]{0,80}:"
    r"|Le\b[^\n]{4,200}?\n?[^\n]{0,120}?\ba écrit ?:"
    r"|El\b[^\n]{4,200}?\n?[^\n]{0,120}?\bescribió:"
    r"|Em\b[^\n]{4,200}?\n?[^\n]{0,120}?\bescreveu:"
    r"|Il\b[^\n]{4,200}?\n?[^\n]{0,120}?\bha scritto:"
    r"|在?[^\n]{4,120}写道[:：]"
    r"|-{2,} ?(?:Original Message|Forwarded message|Ursprüngliche Nachricht|Message d'origine"
    r"|Mensaje original|原始邮件|转发邮件)[^\n]*"
    r"|_{10,}\n?(?=From:|Von:|De :|De:|发件人)"
    r"|##- Please type your reply above this line -##"
    r"|\*?(?:From|Von|De|发件人) ?[:：]\*?[^\n]+\n\*?"
    r"(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado(?: el)?|Fecha|To|An|发送时间|日期|收件人) ?[:：]"
    r")[^\n]*",
    re.I,
)
QUOTED_LINE = re.compile(r"^(?:>|&gt;)[^\n]*(?:\n|$)", re.M)
FOOTERS = re.compile(
    r"^[ \t]*(?:"
    r"(?:sent|get) (?:from|via|with) (?:my |the )?(?:iphone|ipad|ipod|android|mobile|galaxy|"
    r"samsung|huawei|xiaomi|blackberry|windows|mail for|yahoo|outlook|phone|smartphone|"
    r"aol|proton)[^\n]{0,60}"
    r"|get outlook for [^\n]{1,40}"
    r"|(?:von meinem|enviado desde mi|envoyé de mon|enviado do meu|inviato da) [^\n]{1,40}"
    r"(?:gesendet)?"
    r"|(?:发自|来自)我?的? ?[^\n]{1,20}(?:手机|iPhone|iPad|邮箱|客户端|华为|小米)[^\n]{0,10}"
    r"|从我的 ?[^\n]{1,20}发送"
    r")[.!]?[ \t]*$",
    re.I | re.M,
)
LEGAL = re.compile(
    r"(?:^|\n)[^\n]{0,40}(?:this (?:e-?mail|message)[^\n]{0,80}(?:confidential|intended (?:only|"
    r"solely))|confidentiality notice|diese e-?mail enthält vertrauliche|ce message[^\n]{0,60}"
    r"confidentiel|este (?:correo|mensaje)[^\n]{0,60}confidencial|本邮件[^\n]{0,40}(?:保密|机密))"
    r".*\Z",
    re.I | re.S,
)
LEGAL_CUES = re.compile(r"confiden|intended|vertraulich|保密|机密", re.I)
DELIMITER = re.compile(r"(?:^|\n)-- ?\n(?!.*\n-- ?\n).{0,800}\Z", re.S)
"""The usual mark of a signature (RFC 3676)."""
CLOSINGS = (
    r"(?:(?:best|kind|warm|kindest|warmest|many) )?regards|best wishes|all the best|best|cheers"
    r"|(?:yours )?(?:sincerely|faithfully|truly|respectfully)(?: yours)?|(?:with )?(?:many |warm )?"
    r"(?:thanks|thank you)(?: (?:and|&) (?:best |kind )?regards| in advance)?|have a (?:nice|great"
    r"|good|lovely) (?:day|evening|weekend)"
    r"|mit freundlichen grüßen|mit freundlichem gruß|freundliche grüße|viele grüße|liebe grüße"
    r"|beste grüße|mfg|lg|cordialement|bien à vous|bien cordialement|salutations"
    r"|(?:un )?saludos?(?: cordiales?)?|atentamente|un abrazo|atenciosamente|cordiali saluti"
    r"|此致(?:敬礼)?|祝好|顺祝商祺|谢谢|敬上|祝您生活愉快"
)
CLOSING = re.compile(rf"\n[ \t]*(?:{CLOSINGS})[ ,.!，。！]*\n+(?P<below>.{{1,400}})\Z", re.I | re.S)
MOST_BELOW = 8
LONGEST_BELOW = 60
"""Lines below a closing, and characters of each, that can be a name, a post and an address."""
ASKS = re.compile(r"[?？]|\b(?:please|could you|can you|i (?:am|have|will|need|want))\b|请", re.I)


def without_quotes(text: str) -> str:
    """Text above the mails that it answers, without quoted lines.

    A message that is nothing but a quotation keeps nothing.
    """
    if match := QUOTE_HEADS.search(text):
        text = text[: match.start()]
    return QUOTED_LINE.sub("", text) if ">" in text or "&gt;" in text else text


def without_footers(text: str) -> str:
    """Text without ``Sent from my iPhone``, legal notices, and the name below a greeting."""
    text = FOOTERS.sub("", text)
    if LEGAL_CUES.search(text):
        text = LEGAL.sub("", text)
    if "\n--" in text or text.startswith("--"):
        text = DELIMITER.sub("", text)
    match = CLOSING.search(text.rstrip()) if "\n" in text else None
    if match:
        lines = [line.strip() for line in match["below"].splitlines() if line.strip()]
        is_short = len(lines) <= MOST_BELOW and all(len(line) <= LONGEST_BELOW for line in lines)
        if is_short and not ASKS.search(match["below"]):
            text = text[: match.start()]
    return text.rstrip()
