"""Passages in four languages, of which each kind can be made by rule."""

from __future__ import annotations

from tunesmith.synthesize.passage import Passage

TEXTS = {
    "en": (
        "Warranty\nThe warranty of the pump lasts 24 months. It is granted by the maker Halden in "
        "Bergen. Filters are changed every 6 weeks. Keep the invoice, or the claim expires after "
        "30 days."
    ),
    "zh": (
        "保修\n水泵的保修期为24个月。保修由制造商“海登”提供，总部设在卑尔根。滤芯每6周更换一次。"
        "请保留发票，否则索赔权将在30天后失效。"
    ),
    "es": (
        "Garantía\nLa garantía de la bomba dura 24 meses. La concede el fabricante Halden en "
        "Bergen. Los filtros se cambian cada 6 semanas. Guarde la factura durante los 30 días "
        "siguientes."
    ),
    "ko": (
        "보증\n펌프의 보증 기간은 24개월입니다. 보증은 베르겐의 제조사 “할덴”이 제공합니다. "
        "필터는 6주마다 교체합니다. 송장을 보관하지 않으면 청구권은 30일 후에 소멸합니다."
    ),
}


def passage(language: str = "en", text: str | None = None, start: int = 100) -> Passage:
    text = TEXTS[language] if text is None else text
    return Passage(
        "d0c" * 21 + "a", "manual.docx", 3, start, start + len(text), text, language=language
    )
