"""Repair: how a teacher is told that its reply cannot be used, in the language of the document."""

from __future__ import annotations

PROBLEM = "{problem}"
"""Where a prompt says what is wrong. What is wrong is said in English."""
REPAIRS = {
    "en": "That reply cannot be used: {problem}. Write the whole reply again as valid JSON of the "
    "form that was asked for, and nothing else.",
    "zh": "上面的回复无法使用：{problem}。请严格按照所要求的格式，重新输出完整的有效 JSON，"
    "不要输出任何其他内容。",
    "es": "Esa respuesta no se puede usar: {problem}. Escribe de nuevo la respuesta completa como "
    "JSON válido con la forma que se pidió, y nada más.",
    "ko": "위 응답은 사용할 수 없습니다: {problem}. 요청한 형식에 맞는 올바른 JSON으로 응답 전체를 "
    "다시 작성하고, 그 밖의 내용은 쓰지 마세요.",
}
"""By language code; the languages that have prompts of their own."""
