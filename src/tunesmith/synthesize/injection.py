"""Injection: stretches of a document that speak to the model which reads it.

A document may carry orders for whoever processes it, by malice or because it is about prompts.
They are found to be shown, not to be cut out: rows made from such a passage are flagged, and a
person decides.
"""

from __future__ import annotations

import re

Span = tuple[int, int]

INSTRUCTIONS = (
    r"(?:instructions?|prompts?|directions?|directives?|commands?|rules?|guidelines?"
    r"|guardrails|training|constraints|messages?|context)"
)
BEFORE = (
    r"(?:above|previous|prior|earlier|preceding|foregoing|existing|original|initial|former"
    r"|system|safety|your|given)"
)
NO = r"(?<!not )(?<!n't )(?<!n’t )(?<!never )(?<!\bno )(?<!nunca )"
"""In front: nobody is told to."""
你 = "(?:你|您)"
PATTERNS = [
    re.compile(pattern, re.I | re.M)
    for pattern in (
        rf"{NO}\b(?:ignore|disregard|forget|override|bypass|neglect|pay no attention to"
        rf"|do not (?:follow|obey)|don['’]?t (?:follow|obey)|stop following)"
        rf"\s+(?:\w+\s+){{0,3}}?(?:{BEFORE})(?:\s+(?:and"
        rf"|or)\s+\w+)?\s+(?:\w+\s+){{0,2}}?{INSTRUCTIONS}\b",
        rf"{NO}\b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+|every\s+|the\s+"
        rf"|these\s+|those\s+|your\s+|other\s+)*{INSTRUCTIONS}"
        r"(?:\s+(?:you|that|given|above|before|from|in)\b|\s*[.!,:;]|\s*$)",
        r"\b(?:ignore|disregard|forget)\s+(?:all|everything|anything|what)\s*(?:you\s+(?:were"
        r"|have been|know|['’]ve been)|(?:of\s+)?the\s+above"
        r"|(?:written\s+|said\s+)?(?:above|before|previously|so far))",
        r"\b(?:ignore|disregard)\s+(?:the\s+)?(?:above|previous|preceding)(?=\s*(?:[.!,:;]|$"
        r"|and\b|text\b|content\b))",
        r"\b(?:from now on|starting now|henceforth),?\s+you\s+(?:are|will|must|should|act"
        r"|respond|answer)\b",
        r"\byou are now\s+(?:an?|no longer|free|acting|called|dan|going to (?:act|be))\b",
        r"\byou are (?:chatgpt|an? (?:\w+ ){0,3}(?:ai|language model|assistant|chatbot|llm))\b",
        r"\b(?:pretend|imagine|act as if) (?:that )?you(?:['’]re| are) (?:an?|the|not|no longer"
        r"|now)\b(?=[^.\n]{0,60}\b(?:ai|model|assistant|chatbot|dan|hacker|rules|restrictions"
        r"|unrestricted)\b)",
        r"\b(?:reveal|print|repeat|output|show|leak|tell me"
        r"|disclose)\s+(?:\w+\s+){0,3}?(?:system|hidden|secret|initial)\s+(?:prompt"
        r"|instructions?|message)\b",
        r"^\s*(?:<\|?(?:im_start\|>)?\s*system\b|\[?system\]?\s*:\s*(?:you|ignore|the assistant"
        r"|as an|from now)|###\s*(?:system|instruction)s?\s*:)",
        r"<\|(?:im_start|im_end|system|user|assistant|start_header_id|eot_id|endoftext"
        r"|begin_of_text)\|>|\[/?INST\]|<</?SYS>>",
        r"\b(?:new|updated|revised|additional|important"
        r"|hidden)\s+(?:system\s+)?instructions?\s*(?:for|to)\s+(?:the\s+|any\s+|all\s+"
        r"|you,?\s*)?(?:ai|llm|model|assistant|language"
        r"|chatbot|agent)",
        r"\b(?:attention|note|message|important|instruction|reminder)s?\s*(?:to"
        r"|for)?\s*[:,]?\s*(?:all\s+|any\s+|the\s+)?(?:ai|llm)s?\s+(?:models?|assistants?"
        r"|agents?|systems?|readers?|crawlers?)\b",
        r"\bif you are (?:an? |reading this as an? )(?:\w+ ){0,2}(?:ai|llm|language model"
        r"|assistant|bot|chatbot)\b",
        r"\b(?:as|dear) (?:an? )?(?:ai|llm|language model|assistant|chatgpt),? (?:please"
        r"|you must|you should|do not|ignore)\b",
        r"\b(?:respond|reply|answer) (?:only |always |exclusively )?(?:with"
        r"|by saying) (?:only )?[\"“'‘]",
        r"\b(?:jailbreak(?:ed)? mode|developer mode (?:enabled|on)|do anything now)\b",
        r"\bdo not (?:tell|inform|mention (?:this|it) to|reveal (?:this|it) to) the user\b",
        rf"(?:忽略|无视|忽视|不要理会|不要管|忘记|忘掉|抛弃|覆盖|跳过|停止执行|不要遵守"
        rf"|不要遵循)(?:掉)?(?:{你}|所有|全部|一切|任何|的|此|这些|那些|之|到|目前){{0,3}}"
        r"(?:以上|上述|上面|之前|先前|此前|前面|原有|原来|系统|前述|既定|收到)(?:的|所有|全部"
        r"|给出|提供|输入|到|中|所|一切){0,3}"
        r"(?:指令|指示|提示词?|命令|要求|规则|内容|设定|说明|限制|约束|对话|话|信息|一切)",
        rf"(?:忽略|无视|忘记|忘掉)(?:{你}的?)?(?:所有|全部|一切|任何)(?:的)?(?:指令|指示|提示"
        rf"|规则|设定|限制|约束)",
        rf"(?:从现在(?:开始|起)|现在起|接下来|今后)[，,]?\s*{你}(?:是|要|将|必须|就是|扮演|需要"
        rf"|只能|应该)",
        rf"{你}现在(?:是|不再是|要扮演|扮演|的身份|必须(?:扮演|假装|忽略))",
        rf"{你}(?:是|作为)(?:一个|一名|一位|一款)?.{{0,12}}(?:人工智能助手|AI助手|语言模型"
        rf"|大模型|聊天机器人|智能助手|ChatGPT)",
        r"(?:输出|显示|泄露|透露|告诉我|重复|打印)(?:你的|您的|出|全部|所有"
        r"|完整的?){0,3}(?:系统提示词?|系统指令|初始指令|隐藏指令|系统消息)",
        r"^\s*(?:系统|系统提示|系统消息|系统指令)\s*[:：]\s*(?:你|您|忽略|请|从现在)",
        r"(?:请)?注意[，,：:]?\s*(?:所有|任何)?(?:AI|人工智能|大模型|语言模型)(?:助手|模型"
        r"|系统)?[，,：:]",
        r"如果你是(?:一个|一名)?(?:AI|人工智能|语言模型|大模型|机器人)",
        r"不要(?:告诉|告知|通知|透露给)用户",
        rf"{NO}\b(?:ignora|ignore|ignorar|olvida|olvide|omite|desobedece|no sigas|descarta"
        rf"|haz caso omiso de)\s+(?:\w+\s+){{0,3}}?(?:instrucciones|indicaciones|órdenes|reglas"
        rf"|mensajes?"
        r"|prompt|lo anterior|todo lo anterior)\b",
        r"\b(?:a partir de ahora|desde ahora|de ahora en adelante),?\s+(?:tú\s+)?(?:eres|serás"
        r"|debes|actúa|actuarás|responde)\b",
        r"\bahora eres (?:un|una|el|la)\b|\beres (?:un|una) (?:asistente|modelo de lenguaje|ia"
        r"|inteligencia artificial)\b",
        r"\b(?:revela|muestra|imprime|repite)\s+(?:\w+\s+){0,3}?(?:prompt"
        r"|instrucciones) (?:del sistema|ocultas|iniciales)",
        r"(?:이전|위|앞|상기|기존|지금까지|모든)(?:의|에|에 있는|까지의"
        r"|에서 받은)?\s*(?:모든\s*)?(?:지시|지침|명령|프롬프트|규칙|설정)(?:사항|들|문)?(?:을"
        r"|를|은|는)?\s*(?:모두\s*|전부\s*|다\s*)?"
        r"(?:무시|잊|따르지|무효|취소)",
        r"(?:지금|이제)부터\s*(?:너는|당신은|넌|너의|당신의)|(?:너는|당신은|넌)\s*(?:이제"
        r"|지금)(?:부터)?\s",
        r"(?:너는|당신은)\s*(?:\S+\s){0,3}?(?:AI|인공지능|언어\s?모델|챗봇)",
        r"시스템\s*(?:프롬프트|지시|메시지)(?:를|을)?\s*(?:출력|공개|보여|알려)|^\s*시스템\s*[:：]",
    )
]
REST = re.compile(r"[^\n.!?。！？]*[.!?。！？]?")
GAP = 2
"""Characters between two finds that make them one."""


def instructions_in(text: str) -> list[Span]:
    """Stretches that address a model: orders to ignore its instructions, a new role, chat markers.

    English, Chinese, Spanish and Korean.

    Args:
        text: of a document or a passage.

    Returns:
        Spans in code points, in order and apart from each other, each to the end of its sentence.
    """
    spans: list[Span] = []
    for start, end in sorted(
        found.span() for pattern in PATTERNS for found in pattern.finditer(text)
    ):
        start += len(text[start:end]) - len(text[start:end].lstrip())
        rest = REST.match(text, end)
        end = rest.end() if rest and text[end - 1] not in ".!?。！？\n" else end
        if spans and start <= spans[-1][1] + GAP:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans
