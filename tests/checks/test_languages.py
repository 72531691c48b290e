import pytest

from tunesmith.checks.languages import SAMPLE_ROWS, Languages, language_of

TEXTS = {
    "en": "The quick brown fox jumps over the lazy dog, and it was not the first time.",
    "de": "Der Hund ist nicht mit der Katze auf das Feld gelaufen, und sie auch nicht.",
    "fr": "Le chat est dans la maison avec les enfants qui ne sont pas sortis du jardin.",
    "es": "El perro está en la casa con los niños y no quiere salir para nada.",
    "it": "Il cane non è nella casa con i bambini, che sono andati al mare con gli zii.",
    "pt": "O cachorro não está em casa com as crianças, mas você pode ir mais uma vez.",
    "nl": "De hond is niet met het kind naar de stad gegaan, maar er zijn ook katten.",
    "zh": "今天天气很好，我们一起去公园散步吧。",
    "ja": "今日は天気がいいので、公園を散歩しましょう。",
    "ko": "오늘은 날씨가 좋으니 공원에 산책하러 갑시다.",
    "ru": "Сегодня хорошая погода, пойдём гулять в парк.",
    "ar": "الطقس جميل اليوم، لنذهب إلى الحديقة.",
    "unknown": "zxq vbn trw plk mnb",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_is_known_by_its_script_or_its_words(language):
    assert language_of(TEXTS[language]) == language


def test_chinese_with_english_terms_is_chinese():
    assert language_of("我们用 Python 和 PyTorch 训练模型。" * 3) == "zh"


def test_the_sample_is_bounded_and_says_so(found, ask):
    rows = [ask(f"{TEXTS['en']} {n}", "It was.") for n in range(SAMPLE_ROWS + 500)]

    finding = found(Languages(), train=rows)["languages"]

    assert finding.details == {"en": SAMPLE_ROWS}
    assert "of 2,000 sampled rows: en 100.0%" in finding.fact


def test_the_sample_is_the_same_in_any_order(found, ask):
    names = ["en", "de", "zh", "unknown"]
    rows = [ask(f"{TEXTS[names[n % 4]]} {n}", "x") for n in range(SAMPLE_ROWS + 500)]

    one, other = found(Languages(), train=rows), found(Languages(), train=rows[::-1])

    assert one["languages"].details == other["languages"].details
